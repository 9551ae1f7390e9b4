/**
 * The builder of syscall programs, and the pieces of memory that calls point to.
 *
 * @module
 */

import type { Arg, Memory, Program, Ref, Step, StepOptions } from "./types.ts";
import type { SyscallName } from "./syscalls.ts";

/**
 * Collects steps. A string argument must not hold a NUL: it would be cut silently.
 *
 * @example
 * ```ts
 * const p = new ProgramBuilder("peek");
 * const fd = p.step("openat", [AT.AT_FDCWD, "/etc/hostname", 0, 0]);
 * p.step("read", [fd, buffer, buffer.length]);
 * run(p);
 * ```
 */
export class ProgramBuilder implements Program {
  readonly name: string;
  readonly steps: Step[] = [];

  constructor(name: string) {
    this.name = name;
  }

  /** Append a step. */
  step(syscall: SyscallName, args: readonly Arg[], options: StepOptions = {}): Ref {
    this.steps.push({ syscall, args, options });
    return { step: this.steps.length - 1 };
  }

  /** Wait until the parent writes to the other end of this pipe; fail when it closes it. */
  waitForGo(fd: number): Ref {
    return this.step("read", [fd, new Uint8Array(8), 1], { name: "wait for go", zeroFails: true });
  }
}

/** A NULL-terminated array of strings: argv, envp. */
export function strings(list: readonly string[]): Memory {
  return {
    bytes: new Uint8Array((list.length + 1) * 8),
    pointers: list.map((to, index) => ({ offset: index * 8, to })),
    text: `[${list.map((text) => JSON.stringify(text)).join(", ")}]`,
  };
}

/** `struct open_how` of openat2(2). */
export function openHow(flags: number, resolve: number, mode = 0): Uint8Array {
  const how = new Uint8Array(24);
  const words = new Uint32Array(how.buffer);
  words[0] = flags;
  words[2] = mode;
  words[4] = resolve;
  return how;
}
