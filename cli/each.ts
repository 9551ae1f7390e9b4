/**
 * Commands on several subjects: each name is printed as it succeeds, a failure is told and the others
 * go on, and the command fails at the end.
 *
 * @module
 */

import type { Context } from "./command.ts";

/** Do something to each; `work` returns what to print (nothing if empty), by default the subject. */
export async function each(
  context: Context,
  subjects: readonly string[],
  work: (subject: string) => Promise<string | void>,
): Promise<number> {
  let code = 0;
  for (const subject of subjects) {
    try {
      const text = await work(subject) ?? subject;
      if (text !== "") context.out(`${text}\n`);
    } catch (error) {
      const { lineOf } = await import("./failure.ts");
      context.err(`ctr: ${lineOf(error)}\n`);
      code = 1;
    }
  }
  return code;
}
