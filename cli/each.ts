/**
 * Commands on several subjects: each name is printed as it succeeds, a failure is told and the others
 * go on, and the command fails at the end.
 *
 * @module
 */

import type { Context } from "./command.ts";
import { UsageError } from "./flags.ts";

/** Do something to each; `work` returns what to print, by default the subject. */
export async function each(
  context: Context,
  command: string,
  subjects: readonly string[],
  work: (subject: string) => Promise<string | void>,
): Promise<number> {
  if (subjects.length === 0) {
    throw new UsageError({
      code: "invalid_argument",
      operation: `run "ctr ${command}"`,
      reason: "it requires at least 1 argument",
      hint: `see "ctr ${command} --help"`,
    });
  }
  let code = 0;
  for (const subject of subjects) {
    try {
      context.out(`${await work(subject) ?? subject}\n`);
    } catch (error) {
      context.err(`ctr: ${error instanceof Error ? error.message : String(error)}\n`);
      code = 1;
    }
  }
  return code;
}
