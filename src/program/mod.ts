/**
 * Syscall programs, and single calls for those who need only one.
 *
 * @example The process id twice, in two system calls and one step out of JavaScript
 * ```ts
 * import { ProgramBuilder, run } from "./src/program/mod.ts";
 * const p = new ProgramBuilder("identify");
 * const pid = p.step("getpid", []);
 * p.step("kill", [pid, 0]);
 * console.log(run(p)(pid));
 * ```
 *
 * @module
 */

export { leaveMemoryBehind, runBehind } from "./behind.ts";
export * from "./calls.ts";
export { syscallError, toError } from "./failure.ts";
export { type FileLock, type LockFileOptions, tryLockFile } from "./lock_file.ts";
export type { Readable } from "./readable.ts";
export { openHow, ProgramBuilder, strings } from "./program.ts";
export { restoreDumpable, run, spawn } from "./run.ts";
export { type HostProcess, spawnHost } from "./spawn_host.ts";
export { O_ARCH, SYS, type SyscallName } from "./syscalls.ts";
export type {
  Arg,
  Failure,
  Keeper,
  Loaded,
  Memory,
  Program,
  Ref,
  Spawned,
  SpawnOptions,
  Step,
  StepOptions,
} from "./types.ts";

/** The program in strace notation; loaded only when asked for. */
export async function explain(program: import("./types.ts").Program): Promise<string> {
  return (await import("./explain.ts")).explain(program);
}

/** Wait until a descriptor has something to read; see `readable.ts`. */
export async function whenReadable(fd: number): Promise<import("./readable.ts").Readable> {
  return (await import("./readable.ts")).whenReadable(fd);
}
