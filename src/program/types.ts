/**
 * Syscall programs: a container start is data before it is action. A builder collects named steps,
 * an encoder lays them out for the trampoline, `run` and `spawn` execute them, `explain` prints them.
 *
 * @module
 */

/** The result of an earlier step, usable as an argument of a later one. */
export interface Ref {
  readonly step: number;
}

/** An argument: a number, a C string, raw bytes, or the result of an earlier step. */
export type Arg = number | bigint | string | Uint8Array | Ref | Memory;

/** Bytes in the program's arena that contain addresses, e.g. argv, `struct msghdr`, `sock_fprog`. */
export interface Memory {
  readonly size: number;
  readonly parts: readonly MemoryPart[];
}

/** At `offset` of a {@link Memory}: literal bytes, or the 8-byte address/result of something else. */
export interface MemoryPart {
  readonly offset: number;
  readonly value: Uint8Array | { readonly addressOf: Arg } | { readonly resultOf: Ref };
}

/** How a step treats its own result. */
export interface StepOptions {
  /** The step's name in errors, traces and `explain`; default: the syscall's name. */
  readonly name?: string;
  /** What the step is about, for error messages: usually a path. */
  readonly subject?: string;
  /** A failure is recorded and the program goes on. `true` tolerates everything. */
  readonly mayFail?: boolean;
  /** A result of 0 is a failure: end of file on the go pipe. */
  readonly zeroFails?: boolean;
  /** A result above 0 ends this process with status 0: the first half of a double clone. */
  readonly exitIfPositive?: boolean;
}

/** One system call of a program. */
export interface Step {
  readonly nr: number;
  readonly syscall: string;
  readonly args: readonly Arg[];
  readonly options: StepOptions;
}

/** An immutable list of steps. */
export interface Program {
  readonly name: string;
  readonly steps: readonly Step[];
}

/** The first step that failed. */
export interface Failure {
  readonly step: number;
  readonly name: string;
  readonly syscall: string;
  readonly args: readonly string[];
  readonly subject: string | undefined;
  readonly errno: number;
  readonly errnoName: string;
}

/** How {@link spawn} clones. */
export interface SpawnOptions {
  /** `CLONE_NEW*` and friends; `CLONE_VM | CLONE_CLEAR_SIGHAND`-style flags are added by spawn. */
  readonly flags: number;
  /** 0 or a signal; default SIGCHLD. */
  readonly exitSignal?: number;
  /** A cgroup v2 directory descriptor: CLONE_INTO_CGROUP. */
  readonly cgroupFd?: number;
  /** Share memory (cheap, default) or copy it as fork does. */
  readonly sharedMemory?: boolean;
  /** `CLONE_VFORK`: return only after execve or exit. Never with a step that waits for `go`. */
  readonly vfork?: boolean;
}

/** A child that runs, or ran, a program. */
export interface Spawned {
  readonly pid: number;
  /** A pidfd, from CLONE_PIDFD; owned by this object. */
  readonly pidfd: number;
  /** The result of a step so far; undefined while it was not reached. */
  result(ref: Ref): number | undefined;
  /** The first failed step, or undefined. Meaningful once the child has exec'ed or ended. */
  failure(): Failure | undefined;
  /** Give back arena and pidfd. Only after the child exec'ed or was reaped. */
  free(): void;
}
