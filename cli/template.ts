/**
 * The part of Go's text/template that people write after `--format`: fields, `range`, `if`/`else`,
 * `with`, pipelines, and Docker's functions.
 *
 * @see https://pkg.go.dev/text/template
 * @module
 */

import { CtrError } from "../src/errors.ts";

type Node =
  | { readonly text: string }
  | { readonly pipe: string }
  | {
    readonly block: "if" | "range" | "with";
    readonly pipe: string;
    readonly body: Node[];
    readonly otherwise: Node[];
  };

/** Fill a template from a value. @throws {CtrError} `invalid_argument` for a template that is wrong */
export function renderTemplate(template: string, value: unknown): string {
  const tokens = tokenize(template);
  const nodes = parse(tokens, undefined);
  return render(nodes, value, value);
}

function bad(reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation: "use --format", reason });
}

type Token = { readonly text: string } | { readonly action: string };

function tokenize(template: string): Token[] {
  const tokens: Token[] = [];
  const pattern = /\{\{(- )?((?:"(?:\\.|[^"\\])*"|`[^`]*`|[^"`])*?)( -)?\}\}/gs;
  let at = 0;
  let trimNext = false;
  const push = (text: string, trimEnd: boolean) => {
    let shown = unescape(text);
    if (trimNext) shown = shown.trimStart();
    if (trimEnd) shown = shown.trimEnd();
    if (shown !== "") tokens.push({ text: shown });
  };
  for (const match of template.matchAll(pattern)) {
    push(template.slice(at, match.index), match[1] !== undefined);
    const action = match[2]!.trim();
    if (!action.startsWith("/*")) tokens.push({ action });
    trimNext = match[3] !== undefined;
    at = match.index + match[0].length;
  }
  const rest = template.slice(at);
  if (rest.includes("{{")) throw bad(`unclosed action in ${JSON.stringify(template)}`);
  push(rest, false);
  return tokens;
}

/** Docker takes `\t` and `\n` as typed in a shell's single quotes. */
function unescape(text: string): string {
  return text.replaceAll("\\t", "\t").replaceAll("\\n", "\n");
}

function parse(tokens: Token[], block: string | undefined): Node[] {
  const nodes: Node[] = [];
  while (tokens.length > 0) {
    const token = tokens[0]!;
    if ("text" in token) {
      nodes.push(token);
      tokens.shift();
      continue;
    }
    const [word] = token.action.split(/\s+/, 1);
    if (word === "end" || word === "else") {
      if (block === undefined) throw bad(`unexpected {{${word}}}`);
      return nodes;
    }
    tokens.shift();
    if (word === "if" || word === "range" || word === "with") {
      nodes.push(parseBlock(tokens, word, token.action.slice(word.length).trim()));
    } else nodes.push({ pipe: token.action });
  }
  if (block !== undefined) throw bad(`{{${block}}} without {{end}}`);
  return nodes;
}

/** The rest of a block, its `{{end}}` included; `{{else if}}` is a block in the other branch. */
function parseBlock(tokens: Token[], block: "if" | "range" | "with", pipe: string): Node {
  const body = parse(tokens, block);
  const next = tokens.shift() as { readonly action: string };
  if (next.action === "end") return { block, pipe, body, otherwise: [] };
  const chained = /^else\s+(if|with)\s+(.*)$/s.exec(next.action);
  if (chained !== null) {
    const otherwise = [parseBlock(tokens, chained[1] as "if" | "with", chained[2]!)];
    return { block, pipe, body, otherwise };
  }
  const otherwise = parse(tokens, block);
  if ((tokens.shift() as { readonly action: string }).action !== "end") {
    throw bad(`{{${block}}} with two {{else}}`);
  }
  return { block, pipe, body, otherwise };
}

function render(nodes: readonly Node[], dot: unknown, root: unknown): string {
  let out = "";
  for (const node of nodes) {
    if ("text" in node) out += node.text;
    else if (!("block" in node)) out += show(evaluate(node.pipe, dot, root));
    else {
      const value = evaluate(node.pipe, dot, root);
      if (node.block === "range") {
        const items = Array.isArray(value)
          ? value
          : value !== null && typeof value === "object"
          ? Object.keys(value).sort().map((key) => (value as Record<string, unknown>)[key])
          : [];
        out += items.length === 0
          ? render(node.otherwise, dot, root)
          : items.map((item) => render(node.body, item, root)).join("");
      } else if (truth(value)) {
        out += render(node.body, node.block === "with" ? value : dot, root);
      } else out += render(node.otherwise, dot, root);
    }
  }
  return out;
}

function truth(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (value !== null && typeof value === "object") return Object.keys(value).length > 0;
  return Boolean(value);
}

/** A value as Go prints it. */
function show(value: unknown): string {
  if (value === undefined || value === null) return "<no value>";
  if (Array.isArray(value)) return `[${value.map(show).join(" ")}]`;
  if (typeof value === "object") {
    const entries = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1);
    return `map[${entries.map(([key, item]) => `${key}:${show(item)}`).join(" ")}]`;
  }
  return String(value);
}

type Call = (...args: unknown[]) => unknown;

const FUNCTIONS: Readonly<Record<string, Call>> = {
  json: (value) => JSON.stringify(value ?? null),
  join: (list, separator) => (list as unknown[] ?? []).map(show).join(String(separator)),
  split: (text, separator) => String(text).split(String(separator)),
  lower: (text) => String(text).toLowerCase(),
  upper: (text) => String(text).toUpperCase(),
  title: (text) => String(text).replace(/\b\w/g, (letter) => letter.toUpperCase()),
  println: (...args) => args.map(show).join(" ") + "\n",
  print: (...args) => args.map(show).join(""),
  printf: (format, ...args) => {
    let next = 0;
    return String(format).replace(/%(-?\d*)([svdqt%])/g, (_, width: string, verb: string) => {
      if (verb === "%") return "%";
      const value = args[next++];
      const text = verb === "q" ? JSON.stringify(String(value)) : show(value);
      return width.startsWith("-")
        ? text.padEnd(Number(width.slice(1)))
        : text.padStart(Number(width));
    });
  },
  len: (value) =>
    typeof value === "string" || Array.isArray(value)
      ? value.length
      : Object.keys(value as object ?? {}).length,
  index: (value, ...keys) =>
    keys.reduce((at, key) => (at as Record<string, unknown> | undefined)?.[key as string], value),
  slice: (value, from, to) =>
    (value as string | unknown[]).slice(
      Number(from ?? 0),
      to === undefined ? undefined : Number(to),
    ),
  eq: (a, ...rest) => rest.some((b) => a === b),
  ne: (a, b) => a !== b,
  lt: (a, b) => (a as number) < (b as number),
  gt: (a, b) => (a as number) > (b as number),
  not: (value) => !truth(value),
  and: (...args) => args.find((value) => !truth(value)) ?? args.at(-1),
  or: (...args) => args.find(truth) ?? args.at(-1),
};

function evaluate(pipe: string, dot: unknown, root: unknown): unknown {
  let value: unknown;
  let first = true;
  for (const stage of splitPipe(pipe)) {
    const words = splitWords(stage);
    if (words.length === 0) throw bad("empty action");
    const [name, ...rest] = words as [string, ...string[]];
    const call = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name]! : undefined;
    if (call !== undefined) {
      const args = rest.map((word) => operand(word, dot, root));
      value = call(...args, ...first ? [] : [value]);
    } else {
      if (rest.length > 0 || !first) throw bad(`unknown function ${JSON.stringify(name)}`);
      value = operand(name, dot, root);
    }
    first = false;
  }
  return value;
}

function operand(word: string, dot: unknown, root: unknown): unknown {
  if (word.startsWith("(")) return evaluate(word.slice(1, -1), dot, root);
  if (word.startsWith('"')) return JSON.parse(word);
  if (word.startsWith("`")) return word.slice(1, -1);
  if (/^-?\d+(\.\d+)?$/.test(word)) return Number(word);
  if (word === "true" || word === "false") return word === "true";
  if (word === "nil") return null;
  if (word === ".") return dot;
  if (word === "$") return root;
  const path = /^(\$)?((?:\.\w+)+)$/.exec(word);
  if (path === null) throw bad(`function ${JSON.stringify(word)} not defined`);
  let value = path[1] === undefined ? dot : root;
  for (const key of path[2]!.split(".").slice(1)) {
    if (value === null || typeof value !== "object") return undefined;
    value = Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
  }
  return value;
}

function splitPipe(text: string): string[] {
  return splitAt(text, "|").map((part) => part.trim());
}

function splitWords(text: string): string[] {
  return splitAt(text, " ").filter((word) => word !== "");
}

/** Split where the separator is outside of quotes and parentheses. */
function splitAt(text: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quote = "";
  let part = "";
  for (let at = 0; at < text.length; at++) {
    const c = text[at]!;
    if (quote !== "") {
      part += c;
      if (c === "\\" && quote === '"') part += text[++at] ?? "";
      else if (c === quote) quote = "";
    } else if (c === separator && depth === 0) {
      parts.push(part);
      part = "";
    } else {
      if (c === '"' || c === "`") quote = c;
      if (c === "(") depth++;
      if (c === ")") depth--;
      part += c;
    }
  }
  parts.push(part);
  return parts;
}
