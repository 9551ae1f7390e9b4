/**
 * The runtime that makes a task's processes.
 *
 * @module
 */

import {
  builtIn,
  commandRuntime,
  type LowLevelRuntime,
  type RuntimeProgram,
} from "../runtime/mod.ts";
import type { TaskOptions } from "./types.ts";

/** The built-in one, or the one that the client named. */
export async function runtimeFor(
  { id, options, runtime, reapAgain }: TaskOptions,
): Promise<LowLevelRuntime> {
  if (runtime !== undefined) return runtime;
  if (options.runtime === undefined) return builtIn;
  const { path, env } = options.runtime;
  return await namedRuntime({ id, path, env, stateDir: options.execDir! }, reapAgain);
}

/** A runtime by its executable: an OCI runtime, or a shim of containerd. */
export async function namedRuntime(
  program: RuntimeProgram & { readonly id: string },
  reapAgain: () => void = () => {},
): Promise<LowLevelRuntime> {
  if (isShim(program.path)) {
    const { ShimRuntime } = await import("./other/shim_runtime.ts");
    return new ShimRuntime(program);
  }
  return await commandRuntime(program, { onIdle: reapAgain });
}

/** Whether an executable is a shim: containerd knows them by their names. */
function isShim(path: string): boolean {
  return path.slice(path.lastIndexOf("/") + 1).startsWith("containerd-shim-");
}
