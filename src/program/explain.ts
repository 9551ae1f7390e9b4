/**
 * A program as strace would show it, before it runs.
 *
 * A step is `N  call(arguments)`. An argument that is the result of step N is `#N`, with the path or
 * name that the step is about: `#3</dev/ptmx>`. What happens besides the call stands behind it:
 * `may fail`, `fails on 0`, `exits on success`.
 *
 * @module
 */

import type { Arg, Loaded, Memory, Program, Step } from "./types.ts";
import { BYTES, NUMBERS } from "./_call_words.ts";

/** The whole program, a line per step. */
export function explain(program: Program): string {
  const width = String(program.steps.length - 1).length;
  const lines = program.steps.map((step, index) =>
    `${String(index).padStart(width)}  ${explainStep(step, program.steps)}`
  );
  return lines.map((line) => line + "\n").join("");
}

/** One step on one line. */
export function explainStep(step: Step, steps: readonly Step[]): string {
  const { name, mayFail, zeroFails, exitIfPositive } = step.options;
  const notes = [
    ...name === undefined ? [] : [name],
    ...mayFail ? ["may fail"] : [],
    ...zeroFails ? ["fails on 0"] : [],
    ...exitIfPositive ? ["exits on success"] : [],
  ];
  const call = `${step.syscall}(${argumentWords(step, steps).join(", ")})`;
  return notes.length === 0 ? call : `${call}  /* ${notes.join("; ")} */`;
}

/** The arguments of a step in words; `steps` are those that its references count. */
export function argumentWords(step: Step, steps: readonly Step[]): string[] {
  return step.args.map((arg, position) => words(arg, position, step, steps))
    .filter((text) => text !== "");
}

function words(arg: Arg, position: number, step: Step, steps: readonly Step[]): string {
  if (typeof arg === "number") {
    return NUMBERS[step.syscall]?.[position]?.(arg, step.args) ?? String(arg);
  }
  if (typeof arg === "string") return JSON.stringify(arg);
  if (arg instanceof Uint8Array) {
    return BYTES[step.syscall]?.[position]?.(arg, step.args) ?? `{${arg.length} bytes}`;
  }
  if ("step" in arg) return reference(arg.step, steps);
  if ("from" in arg) return loaded(arg, steps);
  return memory(arg);
}

function reference(index: number, steps: readonly Step[]): string {
  const target = steps[index];
  const about = target?.options.subject ?? target?.args.find((arg) => typeof arg === "string");
  return about === undefined ? `#${index}` : `#${index}<${about}>`;
}

/** `#3[28]`: what step 3 has written at offset 28. */
function loaded({ from, at }: Loaded, steps: readonly Step[]): string {
  return `#${steps.findIndex(({ args }) => args.includes(from))}[${at}]`;
}

function memory({ text, bytes, pointers }: Memory): string {
  if (text !== undefined) return text;
  return pointers.length === 0
    ? `{${bytes.length} bytes}`
    : `{${pointers.map(pointed).join(", ")}}`;
}

function pointed({ to }: Memory["pointers"][number]): string {
  if (typeof to === "string") return JSON.stringify(to);
  return to instanceof Uint8Array ? `{${to.length} bytes}` : memory(to);
}
