/**
 * The runtime that makes a task's processes.
 *
 * @module
 */

import { builtIn, commandRuntime, type LowLevelRuntime } from "../runtime/mod.ts";
import type { TaskOptions } from "./types.ts";

/** The built-in one, or the one that the client named. */
export async function runtimeFor(
  { options, runtime, reapAgain }: TaskOptions,
): Promise<LowLevelRuntime> {
  if (runtime !== undefined) return runtime;
  if (options.runtime === undefined) return builtIn;
  const program = { ...options.runtime, stateDir: options.execDir! };
  return await commandRuntime(program, { onIdle: reapAgain });
}
