/**
 * The steps that turn the cloned child into the container's process: pipes, cgroups, stdio, limits. The same for a container's first process and for added ones.
 *
 * @module
 */

import { AT, F, O } from "../linux/mod.ts";
import type { ProgramBuilder, Ref } from "../program/mod.ts";

/** Where the descriptors that survive until execve are put. */
export interface KeptFds {
  readonly go: number;
  readonly status: number;
  /** The pty master waits here until the parent fetched it. */
  readonly master: number;
  /** Where the process waits while its filter's listener is handed over. */
  readonly turn: number;
}

/** @param preserved how many descriptors after 0, 1 and 2 the process gets from its parent */
export function keptFds(preserved = 0): KeptFds {
  const first = 3 + preserved;
  return { go: first, status: first + 1, master: first + 2, turn: first + 3 };
}

/** The child's ends of the pipes to its parent, out of the way of the descriptors of the container. */
export interface ParentPipes<End = Ref> {
  readonly go: End;
  readonly status: End;
}

/** Take the pipes out of the way. */
export function pipeSteps(
  p: ProgramBuilder,
  { goFd, statusFd, kept }: {
    readonly goFd: number;
    readonly statusFd: number;
    readonly kept: KeptFds;
  },
): ParentPipes {
  const free = Math.max(10, kept.turn + 1);
  const move = (fd: number) => p.step("fcntl", [fd, F.F_DUPFD_CLOEXEC, free]);
  return { go: move(goFd), status: move(statusFd) };
}

/** Wait until the parent says go; its end of file fails the child. */
export function waitSteps(p: ProgramBuilder, go: Ref | number): void {
  p.step("read", [go, new Uint8Array(8), 1], { name: "wait for go", zeroFails: true });
}

/** Say that this station is reached, and wait until the parent has done what it does there. */
export function pauseSteps(
  p: ProgramBuilder,
  { go, status }: ParentPipes<Ref | number>,
): void {
  p.step("write", [status, new Uint8Array([0x70]), 1], { name: "report a station" });
  waitSteps(p, go);
}

/** stdin, stdout and stderr of the process. */
export function stdioSteps(p: ProgramBuilder, fds: readonly [number, number, number]): void {
  const name = "connect stdio";
  // A source that is itself a target would be overwritten before its turn.
  const sources = fds.some((fd, target) => fd < 3 && fd !== target)
    ? fds.map((fd) => p.step("fcntl", [fd, F.F_DUPFD_CLOEXEC, 10], { name }))
    : fds;
  sources.forEach((fd, target) => {
    if (fd === target) p.step("fcntl", [fd, F.F_SETFD, 0], { name });
    else p.step("dup3", [fd, target, 0], { name });
  });
}

/**
 * Enter cgroups of version 1. Through `tasks`, not `cgroup.procs`: a single thread that moves itself
 * takes no system-wide lock, which costs a grace period of the kernel's RCU, 5 to 15 ms (Linux 5.3).
 */
export function cgroupSteps(
  p: ProgramBuilder,
  directories: readonly string[],
  { file = "tasks", mayFail = false } = {},
): void {
  for (const subject of directories) {
    const about = { name: "enter cgroup", subject, mayFail };
    const fd = p.step("openat", [AT.AT_FDCWD, `${subject}/${file}`, O.O_WRONLY, 0], about);
    p.step("write", [fd, "0", 1], about);
    p.step("close", [fd], about);
  }
}

/** For more processors than any kernel knows: it takes those that there are. */
const ALL_PROCESSORS = new Uint8Array(1024).fill(0xff);

/**
 * Run on every processor of the cpuset, whichever the runtime's parent confined it to. Since Linux 6.2 a
 * cgroup does not lift that by itself.
 */
export function allProcessorsStep(p: ProgramBuilder): void {
  p.step("sched_setaffinity", [0, ALL_PROCESSORS.length, ALL_PROCESSORS], {
    name: "use all processors",
    mayFail: true,
  });
}

/**
 * Keep only the descriptors that are needed up to execve: after this no path in the container, not
 * even `/proc/self/fd`, leads to the host (CVE-2024-21626).
 */
export function closeSteps(
  p: ProgramBuilder,
  kept: KeptFds,
  { go, status, master, turn }: {
    /** What is waited at for the last go. */
    readonly go: Ref | number;
    readonly status: Ref;
    readonly master: Ref | undefined;
    /** Where it waits once more before that; undefined: it does not. */
    readonly turn: Ref | undefined;
  },
): void {
  p.step("dup3", [go, kept.go, O.O_CLOEXEC]);
  p.step("dup3", [status, kept.status, O.O_CLOEXEC]);
  if (master !== undefined) p.step("dup3", [master, kept.master, O.O_CLOEXEC]);
  // Bun marks what it inherits as close-on-exec, but for 0 to 3.
  for (let fd = 3; fd < kept.go; fd++) {
    p.step("fcntl", [fd, F.F_SETFD, 0], { name: "preserve descriptor", subject: String(fd) });
  }
  const close = (first: number, last: number) =>
    p.step("close_range", [first, last, 0], { name: "close descriptors" });
  let last = master === undefined ? kept.status : kept.master;
  if (turn !== undefined) {
    p.step("dup3", [turn, kept.turn, O.O_CLOEXEC]);
    if (master === undefined) close(kept.master, kept.master);
    last = kept.turn;
  }
  close(last + 1, 0xffffffff);
}
