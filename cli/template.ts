/**
 * What people write after `--format`: Go's text/template with Docker's functions. Fields, `if`,
 * `range`, `with`, variables, pipelines and comments; no templates that define others.
 *
 * @see https://pkg.go.dev/text/template
 * @module
 */

import { FUNCTIONS, show, truth } from "./template_functions.ts";
import { type Operand, parseTemplate, type Pipe, type TemplateNode } from "./template_parse.ts";
import { templateError } from "./template_error.ts";

/** How a template is filled. */
export interface RenderOptions {
  /** A field that is not there is an error; otherwise it reads as `<no value>`, as with Go's maps. */
  readonly strict?: boolean;
}

/** Fill a template from a value. @throws {CtrError} `invalid_argument` for a template that is wrong */
export function renderTemplate(
  template: string,
  value: unknown,
  { strict = false }: RenderOptions = {},
): string {
  const scope: Scope = { dot: value, variables: new Map([["$", value]]), strict };
  return renderAll(parseTemplate(template), scope);
}

interface Scope {
  readonly dot: unknown;
  readonly variables: Map<string, unknown>;
  readonly strict: boolean;
}

/** Thrown by `{{break}}` and `{{continue}}`, with what was written before. */
class LoopControl {
  readonly kind: "break" | "continue";
  text = "";
  constructor(kind: "break" | "continue") {
    this.kind = kind;
  }
}

function renderAll(nodes: readonly TemplateNode[], scope: Scope): string {
  let out = "";
  for (const node of nodes) {
    try {
      out += render(node, scope);
    } catch (thrown) {
      if (thrown instanceof LoopControl) thrown.text = out + thrown.text;
      throw thrown;
    }
  }
  return out;
}

function render(node: TemplateNode, scope: Scope): string {
  switch (node.kind) {
    case "text":
      return node.text;
    case "output": {
      const value = evaluate(node.pipe, scope);
      return node.pipe.declares.length > 0 ? "" : show(value);
    }
    case "break":
    case "continue":
      throw new LoopControl(node.kind);
    case "range":
      return renderRange(node, scope);
    case "if":
    case "with": {
      const inner = { ...scope, variables: new Map(scope.variables) };
      const value = evaluate(node.pipe, inner);
      if (!truth(value)) return renderAll(node.otherwise, inner);
      return renderAll(node.body, node.kind === "with" ? { ...inner, dot: value } : inner);
    }
  }
}

type Range = Extract<TemplateNode, { readonly pipe: Pipe; readonly body: unknown }>;

function renderRange(node: Range, scope: Scope): string {
  const value = evaluate({ ...node.pipe, declares: [] }, scope);
  const entries = entriesOf(value);
  if (entries.length === 0) return renderAll(node.otherwise, scope);
  const { declares } = node.pipe;
  let out = "";
  for (const [key, item] of entries) {
    const variables = new Map(scope.variables);
    if (declares.length === 2) variables.set(declares[0]!, key);
    if (declares.length > 0) variables.set(declares.at(-1)!, item);
    try {
      out += renderAll(node.body, { ...scope, dot: item, variables });
    } catch (thrown) {
      if (!(thrown instanceof LoopControl)) throw thrown;
      out += thrown.text;
      if (thrown.kind === "break") break;
    }
  }
  return out;
}

/** Go visits maps in the order of their keys. */
function entriesOf(value: unknown): [unknown, unknown][] {
  if (Array.isArray(value)) return value.map((item, index) => [index, item]);
  if (value === null || value === undefined) return [];
  if (typeof value === "number") return Array.from({ length: value }, (_, i) => [i, i]);
  if (typeof value === "object") {
    return Object.keys(value).sort().map((key) => [key, (value as Record<string, unknown>)[key]]);
  }
  throw templateError(`range cannot iterate over ${show(value)}`);
}

function evaluate(pipe: Pipe, scope: Scope): unknown {
  let value: unknown;
  pipe.commands.forEach((command, index) => {
    const piped = index === 0 ? [] : [value];
    const [first, ...rest] = command as [Operand, ...Operand[]];
    const args = () => [...rest.map((operand) => valueOf(operand, scope)), ...piped];
    if (first.kind === "function") {
      const call = Object.hasOwn(FUNCTIONS, first.name) ? FUNCTIONS[first.name]! : undefined;
      if (call === undefined) {
        throw templateError(`function ${JSON.stringify(first.name)} not defined`);
      }
      value = first.name === "and" || first.name === "or"
        ? shortCircuit(first.name, rest, piped, scope)
        : call(...args());
      return;
    }
    value = valueOf(first, scope);
    if (typeof value === "function") value = (value as (...args: unknown[]) => unknown)(...args());
    else if (rest.length + piped.length > 0) {
      throw templateError("only functions and methods take arguments");
    }
  });
  if (pipe.declares.length > 0) {
    if (pipe.assigns && !scope.variables.has(pipe.declares[0]!)) {
      throw templateError(`undefined variable ${JSON.stringify(pipe.declares[0])}`);
    }
    scope.variables.set(pipe.declares[0]!, value);
  }
  return value;
}

/** `and` and `or` look at no more arguments than they need. */
function shortCircuit(
  name: "and" | "or",
  operands: readonly Operand[],
  piped: readonly unknown[],
  scope: Scope,
): unknown {
  let value: unknown;
  for (const operand of operands) {
    value = valueOf(operand, scope);
    if (truth(value) === (name === "or")) return value;
  }
  return piped.length > 0 ? piped[0] : value;
}

function valueOf(operand: Operand, scope: Scope): unknown {
  switch (operand.kind) {
    case "literal":
      return operand.value;
    case "dot":
      return scope.dot;
    case "variable":
      if (scope.variables.has(operand.name)) return scope.variables.get(operand.name);
      throw templateError(`undefined variable ${JSON.stringify(operand.name)}`);
    case "function":
      return evaluate({ declares: [], assigns: false, commands: [[operand]] }, scope);
    case "pipe":
      return evaluate(operand.pipe, scope);
    case "field": {
      const of = valueOf(operand.of, scope);
      const has = of !== null && typeof of === "object" && Object.hasOwn(of, operand.name);
      if (has) return (of as Record<string, unknown>)[operand.name];
      if (of !== null && of !== undefined && (scope.strict || typeof of !== "object")) {
        throw templateError(`there is no field ${JSON.stringify(operand.name)}`);
      }
      return undefined;
    }
  }
}
