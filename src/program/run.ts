/**
 * Runs a program: on this thread, or in a child that it clones.
 *
 * @module
 */

import { cloneTable, runTable, sys } from "../../ffi/mod.ts";
import { CLONE, errnoName, PR, SIGNALS } from "../linux/mod.ts";
import { SyscallError } from "../errors.ts";
import type { Arg, Failure, Program, Ref, Spawned, SpawnOptions, Step } from "./types.ts";
import { encode, type Encoded, resultOf } from "./encode.ts";
import { SYS } from "./syscalls.ts";

/**
 * Run all steps on this thread, in one call out of JavaScript.
 *
 * @returns reads the results of steps
 * @throws {SyscallError} when a step failed that may not
 */
export function run(program: Program): (ref: Ref) => number {
  const encoded = encode(program);
  const failed = runTable(encoded.arena.address + encoded.table, encoded.entries);
  const results = program.steps.map((_, index) => resultOf(encoded, index));
  encoded.arena.free();
  if (failed >= 0) {
    throw toError(failureAt(program, failed, results[failed]!), { operation: program.name });
  }
  return (ref) => results[ref.step]!;
}

const CLONE_ARGS = 88;
const STACK = 4096;
const EXTRA = 8 + 8 + 8 + CLONE_ARGS + STACK;

/**
 * Clone a child that runs the program. It starts with default signal dispositions and an empty
 * signal mask, and dies of nothing that the JavaScript runtime set up.
 *
 * @throws {SyscallError} when clone3 fails
 */
export function spawn(program: Program, options: SpawnOptions = {}): Spawned {
  const encoded = encode({ name: program.name, steps: [UNBLOCK, ...program.steps] }, EXTRA);
  shiftReferences(encoded);
  const { arena, table, entries } = encoded;
  const report = arena.take(8);
  const pidfd = arena.take(8);
  const args = arena.take(CLONE_ARGS);
  const stack = arena.take(STACK);
  arena.put(report, -1);
  let flags = (options.flags ?? 0) + CLONE.CLONE_PIDFD + CLONE.CLONE_CLEAR_SIGHAND;
  if (!options.copyMemory) flags += CLONE.CLONE_VM;
  if (options.vfork) flags += CLONE.CLONE_VFORK;
  if (options.cgroupFd !== undefined) {
    flags += CLONE.CLONE_INTO_CGROUP;
    arena.put(args + 80, options.cgroupFd);
  }
  arena.put(args, flags);
  arena.put(args + 8, arena.address + pidfd);
  arena.put(args + 32, SIGNALS.SIGCHLD);
  if (!options.copyMemory) {
    arena.put(args + 40, arena.address + stack);
    arena.put(args + 48, STACK);
  }
  const pid = cloneTable(
    arena.address + table,
    entries,
    arena.address + args,
    CLONE_ARGS,
    arena.address + report,
  );
  if (pid < 0) {
    arena.free();
    throw syscallError("clone3", [`flags=0x${flags.toString(16)}`], -pid, {
      operation: program.name,
    });
  }
  return {
    pid,
    pidfd: arena.words[pidfd >> 2]!,
    result: (ref) => resultOf(encoded, ref.step + 1),
    failure() {
      const index = arena.get(report);
      if (index < 0) return undefined;
      const result = resultOf(encoded, index);
      return index === 0
        ? { index: -1, step: UNBLOCK, errno: -result }
        : failureAt(program, index - 1, result);
    },
    free: () => arena.free(),
  };
}

/** The first step of every child: the runtime may have blocked signals. SIG_SETMASK is 2. */
const UNBLOCK: Step = {
  syscall: "rt_sigprocmask",
  args: [2, new Uint8Array(8), 0, 8],
  options: { name: "unblock signals" },
};

/** The steps were encoded one place later than their references say. */
function shiftReferences({ arena, table, entries }: Encoded): void {
  for (let index = 1; index < entries; index++) {
    const at = table + index * 64;
    const indirect = (arena.words[(at >> 2) + 1]! >> 8) & 0x3f;
    for (let n = 0; indirect >> n; n++) {
      if ((indirect >> n) & 1) arena.put(at + 8 + n * 8, arena.get(at + 8 + n * 8) + 64);
    }
  }
}

function failureAt(program: Program, index: number, result: number): Failure {
  return { index, step: program.steps[index]!, errno: -result };
}

/** A failed step as an error that names the call, its arguments and the errno. */
export function toError(
  failure: Failure,
  options: { operation?: string; subject?: string; hint?: string } = {},
): SyscallError {
  const { syscall, args, options: step } = failure.step;
  return syscallError(syscall, args.map(argText), failure.errno, {
    operation: options.operation ?? step.name ?? syscall,
    ...(options.subject ?? step.subject) === undefined
      ? {}
      : { subject: options.subject ?? step.subject! },
    ...options.hint === undefined ? {} : { hint: options.hint },
  });
}

/** An error for a call that returned `-errno`. */
export function syscallError(
  syscall: string,
  args: readonly string[],
  errno: number,
  options: { operation: string; subject?: string; hint?: string },
): SyscallError {
  return new SyscallError({ ...options, syscall, args, errno, errnoName: errnoName(errno) });
}

function argText(arg: Arg): string {
  if (typeof arg === "number") return String(arg);
  if (typeof arg === "string") return JSON.stringify(arg);
  if ("step" in arg) return `<result of step ${arg.step}>`;
  if (arg instanceof Uint8Array) return `{${arg.length} bytes}`;
  return arg.text ?? `{${arg.bytes.length} bytes}`;
}

/**
 * Undo what a child with shared memory did to this process: its `setresuid` or `PR_SET_DUMPABLE`
 * cleared the dumpable flag of the one memory they share.
 */
export function restoreDumpable(): void {
  sys(SYS.prctl, PR.PR_SET_DUMPABLE, 1);
}
