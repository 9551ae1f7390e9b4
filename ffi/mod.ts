/**
 * The door to libc and the kernel, for whichever runtime this is.
 *
 * @example The process id, straight from the kernel
 * ```ts
 * import { sys } from "./ffi/mod.ts";
 * console.log(sys(39)); // getpid on x86-64
 * ```
 *
 * @module
 */

import type { Door } from "./types.ts";
import { bunDoor } from "./bun.ts";
import { denoDoor } from "./deno.ts";
import { trampolineProgram } from "./load.ts";

// Both adapters are loaded, because a module that is chosen by `await import` loads late and alone:
// 1.5 ms more on Bun, where the one that is not used costs 0.4. Neither does anything when loaded.
const door: Door = "Bun" in globalThis ? bunDoor() : denoDoor();

export type { Address, Connection, ConnectionHandler, Door, Listener, SysArg } from "./types.ts";
export const {
  addressOf,
  arch,
  chunks,
  cloneTable,
  connect,
  connection,
  listen,
  memoryAt,
  runTable,
  runtime,
  runtimeArgv,
  sys,
} = door;

/** The trampoline as a program, for this architecture; see `trampoline/README.md`. */
export const trampoline = (): ReturnType<typeof trampolineProgram> => trampolineProgram(arch);
