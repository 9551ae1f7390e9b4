/**
 * The syntax of templates.
 *
 * @module
 */

import { templateError } from "./template_error.ts";
import { tokenize } from "./template_tokens.ts";

/** A value in an action. */
export type Operand =
  | { readonly kind: "literal"; readonly value: unknown }
  | { readonly kind: "dot" }
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "function"; readonly name: string }
  | { readonly kind: "field"; readonly of: Operand; readonly name: string }
  | { readonly kind: "pipe"; readonly pipe: Pipe };

/** `$x := a b | c`: what each command gives goes to the next as its last argument. */
export interface Pipe {
  readonly declares: readonly string[];
  /** `=` instead of `:=`. */
  readonly assigns: boolean;
  readonly commands: readonly (readonly Operand[])[];
}

/** A piece of a template. */
export type TemplateNode =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "output"; readonly pipe: Pipe }
  | { readonly kind: "break" }
  | { readonly kind: "continue" }
  | {
    readonly kind: "if" | "range" | "with";
    readonly pipe: Pipe;
    readonly body: readonly TemplateNode[];
    readonly otherwise: readonly TemplateNode[];
  };

type Block = "if" | "range" | "with";

/** Parse a template. @throws {CtrError} `invalid_argument` */
export function parseTemplate(template: string): TemplateNode[] {
  const parser = new Parser(splitActions(template));
  const nodes = parser.list(undefined);
  return nodes;
}

/** Text and what stands between `{{` and `}}`. */
type Piece = { readonly text: string } | { readonly tokens: readonly string[] };

/** `{{-` and `-}}` take the white space beside them away. */
function splitActions(template: string): Piece[] {
  const pieces: Piece[] = [];
  const pattern =
    /\{\{(?:(-)\s)?(\/\*.*?\*\/\s*?|(?:"(?:\\.|[^"\\])*"|`[^`]*`|'(?:\\.|[^'\\])*'|[^"`'])*?)(?:\s(-))?\}\}/gs;
  let at = 0;
  let trimNext = false;
  const push = (text: string, trimEnd: boolean) => {
    // As Docker does, for those who type them in a shell's single quotes.
    let shown = text.replaceAll("\\t", "\t").replaceAll("\\n", "\n");
    if (trimNext) shown = shown.trimStart();
    if (trimEnd) shown = shown.trimEnd();
    if (shown !== "") pieces.push({ text: shown });
  };
  for (const match of template.matchAll(pattern)) {
    push(template.slice(at, match.index), match[1] !== undefined);
    const action = match[2]!.trim();
    if (action === "") throw templateError("missing value for command");
    if (!action.startsWith("/*")) pieces.push({ tokens: tokenize(action) });
    trimNext = match[3] !== undefined;
    at = match.index + match[0].length;
  }
  const rest = template.slice(at);
  if (rest.includes("{{")) throw templateError(`unclosed action in ${JSON.stringify(template)}`);
  push(rest, false);
  return pieces;
}

class Parser {
  readonly #pieces: Piece[];

  constructor(pieces: Piece[]) {
    this.#pieces = pieces;
  }

  /** Nodes up to the `end` or `else` of a block, which stays, or to the end of the template. */
  list(block: Block | undefined): TemplateNode[] {
    const nodes: TemplateNode[] = [];
    for (let piece = this.#pieces[0]; piece !== undefined; piece = this.#pieces[0]) {
      if ("tokens" in piece && (piece.tokens[0] === "end" || piece.tokens[0] === "else")) {
        if (block === undefined) throw templateError(`unexpected {{${piece.tokens[0]}}}`);
        return nodes;
      }
      this.#pieces.shift();
      nodes.push("text" in piece ? { kind: "text", text: piece.text } : this.#action(piece.tokens));
    }
    if (block !== undefined) throw templateError(`{{${block}}} without {{end}}`);
    return nodes;
  }

  #action(tokens: readonly string[]): TemplateNode {
    const [word] = tokens;
    if ((word === "break" || word === "continue") && tokens.length === 1) return { kind: word };
    if (word === "if" || word === "range" || word === "with") {
      return this.#block(word, tokens.slice(1));
    }
    if (word === "define" || word === "template" || word === "block") {
      throw templateError(`{{${word}}} is not supported`);
    }
    return { kind: "output", pipe: parsePipe(tokens) };
  }

  /** The rest of a block, its `{{end}}` included; `{{else if}}` is a block in the other branch. */
  #block(kind: Block, tokens: readonly string[]): TemplateNode {
    const pipe = parsePipe(tokens);
    const body = this.list(kind);
    const [word, ...more] = this.#keyword();
    if (word === "end") return { kind, pipe, body, otherwise: [] };
    if (more[0] === "if" || more[0] === "with") {
      return { kind, pipe, body, otherwise: [this.#block(more[0], more.slice(1))] };
    }
    const otherwise = this.list(kind);
    if (this.#keyword()[0] !== "end") throw templateError(`{{${kind}}} with two {{else}}`);
    return { kind, pipe, body, otherwise };
  }

  #keyword(): readonly string[] {
    return (this.#pieces.shift() as { readonly tokens: readonly string[] }).tokens;
  }
}

function parsePipe(tokens: readonly string[]): Pipe {
  const sign = tokens.findIndex((token) => token === ":=" || token === "=");
  const declares = sign < 0 ? [] : tokens.slice(0, sign).filter((token) => token !== ",");
  if (declares.some((name) => !/^\$\w+$/.test(name)) || declares.length > 2) {
    throw templateError(`cannot declare ${JSON.stringify(declares.join(" "))}`);
  }
  const rest = [...tokens.slice(sign + 1)];
  const commands = parseCommands(rest);
  if (rest.length > 0) throw templateError('unexpected ")"');
  return { declares, assigns: tokens[sign] === "=", commands };
}

/** Commands up to a closing parenthesis, which stays, or the end. */
function parseCommands(tokens: string[]): Operand[][] {
  const commands: Operand[][] = [[]];
  while (tokens.length > 0 && tokens[0] !== ")") {
    const token = tokens.shift()!;
    if (token === "|") commands.push([]);
    else commands.at(-1)!.push(parseOperand(token, tokens));
  }
  if (commands.some((command) => command.length === 0)) {
    throw templateError("missing value for command");
  }
  return commands;
}

function parseOperand(token: string, tokens: string[]): Operand {
  let operand = parseTerm(token, tokens);
  // Fields that follow at once: `$x.A`, `(index . 0).B`.
  while (tokens[0] !== undefined && /^!\./.test(tokens[0])) {
    operand = { kind: "field", of: operand, name: tokens.shift()!.slice(2) };
  }
  return operand;
}

function parseTerm(token: string, tokens: string[]): Operand {
  if (token === "(") {
    const commands = parseCommands(tokens);
    if (tokens.shift() !== ")") throw templateError("unclosed left paren");
    return { kind: "pipe", pipe: { declares: [], assigns: false, commands } };
  }
  if (token === ".") return { kind: "dot" };
  if (token.startsWith(".")) return { kind: "field", of: { kind: "dot" }, name: token.slice(1) };
  if (token.startsWith("$")) return { kind: "variable", name: token };
  if (token.startsWith("`")) return { kind: "literal", value: token.slice(1, -1) };
  if (token.startsWith('"')) return { kind: "literal", value: unquote(token) };
  if (token.startsWith("'")) return { kind: "literal", value: unquote(token).codePointAt(0) };
  if (/^[-+]?[\d.]/.test(token)) return { kind: "literal", value: Number(token) };
  if (token === "true" || token === "false") return { kind: "literal", value: token === "true" };
  if (token === "nil") return { kind: "literal", value: null };
  if (/^\w+$/.test(token)) return { kind: "function", name: token };
  throw templateError(`unexpected ${JSON.stringify(token)}`);
}

function unquote(token: string): string {
  const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", a: "\x07" };
  return token.slice(1, -1).replace(
    /\\(?:u([0-9a-f]{4})|x([0-9a-f]{2})|(.))/gis,
    (_, wide: string, narrow: string, one: string) =>
      one === undefined ? String.fromCharCode(parseInt(wide ?? narrow, 16)) : ESCAPES[one] ?? one,
  );
}
