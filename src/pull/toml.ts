/**
 * The part of TOML that `hosts.toml` is written in: tables, strings, whole numbers, booleans and
 * arrays. Anything else is an error that names the line, never a guess. A whole parser would be a
 * dependency of 60 KB for files of ten lines.
 *
 * @see https://toml.io/en/v1.0.0
 * @module
 */

/** What a file holds. */
export type TomlValue = string | number | boolean | TomlValue[] | TomlTable;

/** A table. */
export interface TomlTable {
  [key: string]: TomlValue;
}

const TOKEN =
  /(?<space>[ \t\r]+|#[^\n]*)|(?<line>\n)|"(?<basic>(?:\\.|[^"\\\n])*)"|'(?<literal>[^'\n]*)'|(?<mark>[[\]=,.])|(?<word>[A-Za-z0-9_+-]+)/y;

interface Token {
  readonly kind: "line" | "string" | "mark" | "word" | "end";
  readonly text: string;
  readonly at: number;
}

/** @throws {SyntaxError} with the number of the line */
export function parseToml(text: string): TomlTable {
  const tokens = tokenize(text);
  const root: TomlTable = Object.create(null);
  let table = root;
  let next = 0;
  const peek = (): Token => tokens[next]!;
  const take = (): Token => tokens[next++]!;
  const is = (mark: string): boolean => peek().kind === "mark" && peek().text === mark;
  const expect = (mark: string): void => {
    if (!is(mark)) throw wrong(text, peek(), `${mark} is expected`);
    take();
  };
  const key = (): string[] => {
    const parts: string[] = [];
    do {
      const token = take();
      if (token.kind !== "word" && token.kind !== "string") throw wrong(text, token, "no key");
      parts.push(token.text);
    } while (is(".") && take());
    return parts;
  };
  const skipLines = (): void => {
    while (peek().kind === "line") take();
  };
  const value = (): TomlValue => {
    const token = take();
    if (token.kind === "string") return token.text;
    if (token.kind === "word") {
      if (token.text === "true" || token.text === "false") return token.text === "true";
      if (/^[+-]?\d+$/.test(token.text)) return Number(token.text);
    }
    if (token.kind !== "mark" || token.text !== "[") throw wrong(text, token, "no such value here");
    const all: TomlValue[] = [];
    for (skipLines(); !is("]"); skipLines()) {
      all.push(value());
      skipLines();
      if (!is("]")) expect(",");
    }
    take();
    return all;
  };
  for (skipLines(); peek().kind !== "end"; skipLines()) {
    const start = peek();
    if (is("[")) {
      take();
      if (is("[")) throw wrong(text, start, "arrays of tables are not supported");
      const path = key();
      expect("]");
      table = path.reduce((at, part) => child(at, part, text, start), root);
    } else {
      const path = key();
      const last = path.pop()!;
      expect("=");
      const at = path.reduce((at, part) => child(at, part, text, start), table);
      if (last in at) throw wrong(text, start, `${last} is there twice`);
      at[last] = value();
    }
    if (peek().kind !== "line" && peek().kind !== "end") {
      throw wrong(text, peek(), "the line should end here");
    }
  }
  return root;
}

function child(at: TomlTable, key: string, text: string, token: Token): TomlTable {
  const found = at[key] ??= Object.create(null) as TomlTable;
  if (typeof found !== "object" || Array.isArray(found)) {
    throw wrong(text, token, `${key} is no table`);
  }
  return found;
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const groups = TOKEN.exec(text)?.groups;
    if (groups === undefined) {
      throw wrong(text, { kind: "end", text: "", at }, "this is not understood");
    }
    const { line, basic, literal, mark, word } = groups;
    if (line !== undefined) tokens.push({ kind: "line", text: line, at });
    if (basic !== undefined) tokens.push({ kind: "string", text: unescaped(basic, text, at), at });
    if (literal !== undefined) tokens.push({ kind: "string", text: literal, at });
    if (mark !== undefined) tokens.push({ kind: "mark", text: mark, at });
    if (word !== undefined) tokens.push({ kind: "word", text: word, at });
  }
  tokens.push({ kind: "end", text: "", at: text.length });
  return tokens;
}

function unescaped(basic: string, text: string, at: number): string {
  try {
    return JSON.parse(`"${basic.replace(/\t/g, "\\t")}"`) as string;
  } catch {
    throw wrong(text, { kind: "end", text: "", at }, "this escape is not understood");
  }
}

function wrong(text: string, { at }: Token, reason: string): SyntaxError {
  return new SyntaxError(`line ${text.slice(0, at).split("\n").length}: ${reason}`);
}
