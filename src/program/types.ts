/**
 * Syscall programs: a container start is data before it is action. A builder collects named steps,
 * an encoder lays them out for the trampoline, `run` and `spawn` execute them, `explain` prints them.
 *
 * @module
 */

import type { SyscallName } from "./syscalls.ts";

/** The result of an earlier step, usable as an argument of a later one. */
export interface Ref {
  readonly step: number;
}

/** Bytes that contain addresses or earlier results: argv, `struct msghdr`, `struct sock_fprog`. */
export interface Memory {
  readonly bytes: Uint8Array;
  /** 8 bytes at `offset` become the address of something. */
  readonly pointers: readonly {
    readonly offset: number;
    readonly to: string | Uint8Array | Memory;
  }[];
  /** How `explain` shows it; default: its size. */
  readonly text?: string;
}

/** The 8 bytes at a place in memory that an earlier step was given to write to. */
export interface Loaded {
  readonly from: Uint8Array;
  readonly at: number;
}

/**
 * An argument: a number, a C string, bytes, memory with addresses, or what an earlier step has brought.
 * The same bytes in two steps are the same memory.
 */
export type Arg = number | string | Uint8Array | Memory | Ref | Loaded;

/** How a step treats its own result, and how it is called. */
export interface StepOptions {
  /** The step's name in errors, traces and `explain`; default: the syscall's name. */
  readonly name?: string;
  /** What the step is about, for error messages: usually a path. */
  readonly subject?: string;
  /**
   * The step that makes what this one needs, and may fail. If both fail, that one's failure is told,
   * except that what it makes is there already.
   */
  readonly maker?: Ref;
  /** A failure is recorded and the program goes on. */
  readonly mayFail?: boolean;
  /** A result of 0 is a failure: end of file on the go pipe. */
  readonly zeroFails?: boolean;
  /** A result above 0 ends this process with status 0: the first half of a double clone. */
  readonly exitIfPositive?: boolean;
  /** A result above 0 goes on with this part of a program in parts: the parent's way after a clone. */
  readonly partIfPositive?: number;
}

/** One system call of a program. */
export interface Step {
  readonly syscall: SyscallName;
  readonly args: readonly Arg[];
  readonly options: StepOptions;
}

/** A list of steps that is run as one. */
export interface Program {
  readonly name: string;
  readonly steps: readonly Step[];
}

/** The first step that failed. */
export interface Failure {
  readonly index: number;
  readonly step: Step;
  /** 0 when a result of zero was the failure. */
  readonly errno: number;
}

/** How `spawn` clones. */
export interface SpawnOptions {
  /** `CLONE_NEW*` and friends. Memory is shared and signal handlers are cleared unless said otherwise. */
  readonly flags?: number;
  /** A cgroup v2 directory descriptor: CLONE_INTO_CGROUP. */
  readonly cgroupFd?: number;
  /**
   * Run the program apart from this process's memory and executable, in a small one that nobody can
   * change: for what becomes a process of a container. It has these of the descriptors that are
   * close-on-exec, and no others.
   */
  readonly apart?: readonly number[];
  /** `CLONE_VFORK`: return only after execve or exit. Never with a step that waits for the go. */
  readonly vfork?: boolean;
  /** A process between this one and the one that runs the program; shares memory with both. */
  readonly keeper?: Keeper;
}

/**
 * A process that is the parent of the one that runs the program, and does nothing but wait, in machine
 * code, in the memory of the process that made it. It can become another program at any moment, and
 * does when whoever made it ends; until then it costs no more than its clone.
 */
export interface Keeper {
  /** What it becomes. `argv[0]` is the path of the executable. */
  readonly argv: readonly string[];
  readonly env: readonly string[];
  /** Descriptors that become 0, 1, 2 … of it; it closes all others. */
  readonly fds: readonly number[];
  /**
   * The read end of a pipe whose only other end is with who made it. End of file: execute. A byte:
   * wait for the child and end.
   */
  readonly wakeFd: number;
}

/** A child that runs, or ran, a program; with a keeper, the keeper, whose child does. */
export interface Spawned {
  readonly pid: number;
  /** A pidfd, close-on-exec; the caller's to close. */
  readonly pidfd: number;
  /** The keeper's child, 0 before it was cloned. Final once the child has sent a sign of life. */
  keptPid(): number;
  /** What the keeper got from wait(2) for its child; final once the keeper was reaped. */
  keptStatus(): number;
  /** The result of a step; 0 while it was not reached. */
  result(ref: Ref): number;
  /** The first failed step, or undefined. Final once the child has exec'ed or ended. */
  failure(): Failure | undefined;
  /** Give back the memory. Only after the child exec'ed or was reaped. */
  free(): void;
}
