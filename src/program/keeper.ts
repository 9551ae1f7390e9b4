/**
 * A keeper's part of a program: it clones the process that runs the program proper, sorts its
 * descriptors, and waits to be needed. See {@link Keeper}.
 *
 * @module
 */

import { CLONE, SIGNALS } from "../linux/mod.ts";
import type { Encoded } from "./encode.ts";
import { ProgramBuilder, strings } from "./program.ts";
import type { Keeper, Program, Ref, SpawnOptions, Step } from "./types.ts";

/** Size of `struct clone_args`. */
export const CLONE_ARGS = 88;

const [KEEP, END] = [2, 3];
const __WALL = 0x40000000;

/** The flags of the clone that runs the program proper. */
export function cloneFlags({ flags = 0, cgroupFd }: SpawnOptions): number {
  return flags + CLONE.CLONE_VM + (cgroupFd === undefined ? 0 : CLONE.CLONE_INTO_CGROUP);
}

/**
 * The parts of a kept program: before the second clone, the program, what the keeper does then, and
 * how it ends when it is not needed.
 */
export function keptParts(
  reset: readonly Step[],
  program: Program,
  keeper: Keeper,
  options: SpawnOptions & { readonly leave: readonly Step[] },
): (readonly Step[])[] {
  const args = new Uint8Array(CLONE_ARGS);
  const words = new DataView(args.buffer);
  words.setBigUint64(0, BigInt(cloneFlags(options)), true);
  words.setBigUint64(32, BigInt(SIGNALS.SIGCHLD), true);
  words.setBigUint64(80, BigInt(options.cgroupFd ?? 0), true);
  const before = new ProgramBuilder("keep");
  before.step("setsid", []);
  // Without a stack of its own: the trampoline uses none.
  before.step("clone3", [args, args.length], { name: "clone", partIfPositive: KEEP });

  const keep = new ProgramBuilder("keep");
  keep.step("chdir", ["/"]);
  placeDescriptors(keep, [...keeper.fds, keeper.wakeFd]);
  const wake = keeper.fds.length;
  keep.step("close_range", [wake + 1, 0xffffffff, 0]);
  const F_SETFD = 2;
  const FD_CLOEXEC = 1;
  keep.step("fcntl", [wake, F_SETFD, FD_CLOEXEC]);
  keep.step("read", [wake, new Uint8Array(8), 1], { mayFail: true, partIfPositive: END });
  keep.step("execve", [keeper.argv[0]!, strings(keeper.argv), strings(keeper.env)], {
    subject: keeper.argv[0]!,
  });

  const end = new ProgramBuilder("end");
  const [ANY, NO_USAGE] = [-1, 0];
  end.step("wait4", [ANY, 0, __WALL, NO_USAGE], { mayFail: true });
  return [[...reset, ...before.steps, ...options.leave], program.steps, keep.steps, end.steps];
}

/** Room for the status of the keeper's child, which nobody but the keeper can wait for. */
export function placeStatus({ arena, begins }: Encoded): number {
  const WORDS = 16;
  const at = arena.take(8);
  arena.put((begins[END]! * WORDS + 4) * 4, arena.address + at);
  return at;
}

/** Move descriptors to 0, 1, 2 …: first out of the way, as sources and targets may overlap. */
export function placeDescriptors(p: ProgramBuilder, fds: readonly number[]): void {
  const F_DUPFD_CLOEXEC = 1030;
  const high: Ref[] = fds.map((fd) => p.step("fcntl", [fd, F_DUPFD_CLOEXEC, fds.length]));
  high.forEach((fd, target) => p.step("dup3", [fd, target, 0]));
}
