/**
 * Runs a program: on this thread, or in a child that it clones.
 *
 * @module
 */

import { cloneTable, runTable, sys } from "../../ffi/mod.ts";
import { CLONE, ERRNO, PR, SIGNALS } from "../linux/mod.ts";
import type { Failure, Program, Ref, Spawned, SpawnOptions, Step } from "./types.ts";
import { Apart } from "./apart.ts";
import { Arena } from "./arena.ts";
import { encode, resultOf } from "./encode.ts";
import { syscallError, toError } from "./failure.ts";
import { CLONE_ARGS, cloneFlags, keptParts, placeStatus } from "./keeper.ts";
import { SYS } from "./syscalls.ts";

/** Serves one program after the other on this thread, where none outlives its call. */
let scratch: Arena | undefined;
const SCRATCH = 1 << 16;

/**
 * Run all steps on this thread, in one call out of JavaScript.
 *
 * @returns reads the results of steps
 * @throws {SyscallError} when a step failed that may not
 */
export function run(program: Program): (ref: Ref) => number {
  scratch ??= new Arena(SCRATCH);
  const encoded = encode([program.steps], { scratch });
  const failed = runTable(encoded.arena.address, encoded.entries);
  const results = program.steps.map((_, index) => resultOf(encoded, index));
  if (encoded.arena !== scratch) encoded.arena.free();
  if (failed >= 0) {
    throw toError(failureAt(program, failed, results[failed]!), { operation: program.name });
  }
  return (ref) => results[ref.step]!;
}

const STACK = 4096;
const EXTRA = 8 + 8 + 8 + CLONE_ARGS + STACK;

/**
 * Clone a child that runs the program. It starts with default signal dispositions and an empty
 * signal mask, and dies of nothing that the JavaScript runtime set up.
 *
 * @throws {SyscallError} when clone3 fails
 */
export function spawn(program: Program, options: SpawnOptions = {}): Spawned {
  const { keeper } = options;
  using apart = options.apart === undefined ? undefined : new Apart();
  const leave = apart?.steps(options.apart!) ?? [];
  const parts = keeper === undefined
    ? [[...RESET_SIGNALS, ...leave], program.steps]
    : keptParts(RESET_SIGNALS, program, keeper, { ...options, leave });
  const encoded = encode(parts, { extra: EXTRA, fd: apart?.table });
  const { arena, entries, begins } = encoded;
  const report = arena.take(8);
  const pidfd = arena.take(8);
  const args = arena.take(CLONE_ARGS);
  const stack = arena.take(STACK);
  const status = keeper === undefined ? undefined : placeStatus(encoded);
  arena.put(report, -1);
  apart?.seal(encoded, begins[1]!, report);
  let flags = CLONE.CLONE_PIDFD + CLONE.CLONE_CLEAR_SIGHAND;
  if (keeper === undefined) flags += cloneFlags(options);
  else flags += CLONE.CLONE_VM;
  if (options.vfork) flags += CLONE.CLONE_VFORK;
  arena.put(args, flags);
  arena.put(args + 8, arena.address + pidfd);
  arena.put(args + 32, SIGNALS.SIGCHLD);
  arena.put(args + 40, arena.address + stack);
  arena.put(args + 48, STACK);
  if (keeper === undefined) arena.put(args + 80, options.cgroupFd ?? 0);
  const pid = cloneTable(
    arena.address,
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
  // A child that executes is moved to an idle processor then; until it runs, it is on this one.
  if (apart !== undefined) sys(SYS.sched_yield);
  return {
    pid,
    pidfd: arena.words[pidfd >> 2]!,
    keptPid: () => resultOf(encoded, begins[1]! - leave.length - 1),
    keptStatus: () => arena.get(status!),
    result: (ref) => resultOf(encoded, ref.step + begins[1]!),
    failure() {
      const index = arena.get(report);
      if (index < 0 || index >= entries) return undefined;
      let part = parts.length - 1;
      while (begins[part]! > index) part--;
      const failed = index - begins[part]!;
      const inPart = blamed(parts[part]!, failed, (at) => resultOf(encoded, begins[part]! + at));
      return {
        index: part === 1 ? inPart : -1,
        step: parts[part]![inPart]!,
        errno: -resultOf(encoded, begins[part]! + inPart),
      };
    },
    free: () => arena.free(),
  };
}

/** The step whose failure explains that of another: itself, or its maker. */
function blamed(steps: readonly Step[], failed: number, result: (index: number) => number): number {
  const maker = steps[failed]!.options.maker?.step;
  if (maker === undefined) return failed;
  return result(maker) < 0 && result(maker) !== -ERRNO.EEXIST ? maker : failed;
}

/** `struct sigaction` of SIG_DFL: handler, flags, restorer, mask. */
const SIG_DFL = new Uint8Array(32);
const SIG_SETMASK = 2;

/**
 * The first steps of every child. CLONE_CLEAR_SIGHAND leaves ignored signals ignored, and execve
 * keeps them so: both runtimes ignore SIGPIPE, Bun SIGXFSZ too, and a container must not. The mask is
 * cleared because a runtime may have blocked signals on the thread that clones.
 */
const RESET_SIGNALS: readonly Step[] = [
  { syscall: "rt_sigaction", args: [SIGNALS.SIGPIPE, SIG_DFL, 0, 8], options: {} },
  { syscall: "rt_sigaction", args: [SIGNALS.SIGXFSZ, SIG_DFL, 0, 8], options: {} },
  { syscall: "rt_sigprocmask", args: [SIG_SETMASK, new Uint8Array(8), 0, 8], options: {} },
];

function failureAt(program: Program, index: number, result: number): Failure {
  return { index, step: program.steps[index]!, errno: -result };
}

/**
 * Undo what a child with shared memory did to this process: its `setresuid` or `PR_SET_DUMPABLE`
 * cleared the dumpable flag of the one memory they share.
 */
export function restoreDumpable(): void {
  sys(SYS.prctl, PR.PR_SET_DUMPABLE, 1);
}
