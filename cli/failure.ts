/**
 * Errors as a person reads them, and the exit codes that a script reads: the one place for both.
 *
 * @module
 */

import { codeOf, SyscallError } from "../src/errors.ts";
import { UsageError } from "./flags.ts";
import { closest } from "./suggest.ts";

/** What goes to stderr, and how the process ends. */
export interface Failure {
  readonly text: string;
  readonly exitCode: number;
}

/** One line that says what failed; `debug` adds the causes. */
export function failure(
  error: unknown,
  { command, debug }: { readonly command: string; readonly debug: boolean },
): Failure {
  const exitCode = exitCodeOf(error, command);
  const text = `ctr: ${
    error instanceof UsageError ? printable(usageText(error)) : lineOf(error)
  }\n`;
  return { text: debug ? `${text}${causes(error)}\n` : text, exitCode };
}

/** The message in one line that a terminal cannot be steered with. */
export function lineOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const [line = "", ...more] = message.trim().split("\n");
  return printable(line) + (more.length > 0 ? ' (the rest: "ctr --debug")' : "");
}

/** Control characters as escapes: names and messages come from images and registries too. */
export function printable(text: string): string {
  return text.replace(
    /[\x00-\x08\x0a-\x1f\x7f-\x9f]/g,
    (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

/**
 * Docker's exit codes: what could not be executed is 126, or 127 when there is no such thing; else
 * `run` fails with 125 and everything else with 1.
 */
function exitCodeOf(error: unknown, command: string): number {
  if (error instanceof UsageError) return error.exitCode;
  const starts = command === "run" || command === "exec";
  if (starts && (error as { operation?: unknown } | null)?.operation === "execute") {
    return codeOf(error) === "not_found" ? 127 : 126;
  }
  return command === "run" || command === "" ? 125 : 1;
}

/** With what was probably meant, and where to look. */
function usageText({ command, code, message, unknown }: UsageError): string {
  if (code === "not_implemented") return message;
  const near = unknown === undefined ? undefined : closest(unknown.word, unknown.known);
  const hint = near === undefined ? "" : ` (did you mean ${near}?)`;
  return `${message}${hint}; see 'ctr${command === "" ? "" : ` ${command}`} --help'`;
}

function causes(error: unknown): string {
  const lines: string[] = [];
  for (let e: unknown = error; e instanceof Error && lines.length < 40; e = e.cause) {
    if (e instanceof SyscallError) {
      lines.push(`  ${e.syscall}(${e.args.join(", ")}) = -1 ${e.errnoName}`);
    }
    const stack = e.stack ?? "";
    lines.push(
      ...(stack.includes(e.message) ? stack : `${e.message}\n${stack}`).split("\n")
        .map((line) => `  ${printable(line)}`),
    );
  }
  return lines.join("\n");
}
