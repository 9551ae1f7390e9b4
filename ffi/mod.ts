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

const door: Door = "Bun" in globalThis ? await import("./bun.ts") : await import("./deno.ts");

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
