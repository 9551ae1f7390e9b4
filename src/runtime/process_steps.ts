/**
 * The steps that turn the cloned child into the container's process: stdio, limits, identity, filter,
 * and at last `execve`. The same for a container's first process and for added ones.
 *
 * @module
 */

import { CtrError, SyscallError } from "../errors.ts";
import type { OciProcess } from "../oci/mod.ts";
import { AT, CAPABILITIES, capabilityWords, errnoName, F, O, PR, RESOLVE } from "../linux/mod.ts";
import { O_ARCH, openHow, ProgramBuilder, type Ref } from "../program/mod.ts";
import { limitSteps } from "./limit_steps.ts";
import type { Check } from "./protect_steps.ts";

/** Where the descriptors that survive until execve are put. */
export interface KeptFds {
  readonly go: number;
  readonly status: number;
  /** The pty master waits here until the parent fetched it. */
  readonly master: number;
}

/** @param preserved how many descriptors after 0, 1 and 2 the process gets from its parent */
export function keptFds(preserved = 0): KeptFds {
  const first = 3 + preserved;
  return { go: first, status: first + 1, master: first + 2 };
}

/** The child's ends of the pipes to its parent, out of the way of the descriptors of the container. */
export interface ParentPipes {
  readonly go: Ref;
  readonly status: Ref;
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
  const free = Math.max(10, kept.master + 1);
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
  { go, status }: ParentPipes,
  parentFds: readonly number[],
): void {
  // With the parent's ends open here, its death would not end the wait.
  for (const fd of parentFds) p.step("close", [fd]);
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
  file = "tasks",
): void {
  const name = "enter cgroup";
  for (const subject of directories) {
    const fd = p.step("openat", [AT.AT_FDCWD, `${subject}/${file}`, O.O_WRONLY, 0], {
      name,
      subject,
    });
    p.step("write", [fd, "0", 1], { name, subject });
    p.step("close", [fd]);
  }
}

/**
 * Keep only the descriptors that are needed up to execve: after this no path in the container, not
 * even `/proc/self/fd`, leads to the host (CVE-2024-21626).
 */
export function closeSteps(
  p: ProgramBuilder,
  kept: KeptFds,
  { go, status, master }: {
    /** What is waited at for the last go. */
    readonly go: Ref | number;
    readonly status: Ref;
    readonly master: Ref | undefined;
  },
): void {
  p.step("dup3", [go, kept.go, O.O_CLOEXEC]);
  p.step("dup3", [status, kept.status, O.O_CLOEXEC]);
  if (master !== undefined) p.step("dup3", [master, kept.master, O.O_CLOEXEC]);
  p.step("close_range", [(master === undefined ? kept.status : kept.master) + 1, 0xffffffff, 0], {
    name: "close descriptors",
  });
}

/** What `identitySteps` has to know of the host. */
export interface IdentityOptions {
  readonly seccomp: Uint8Array | undefined;
  readonly seccompFlags: number;
  /** Capabilities that can be kept; others are not asked for. What a new user namespace gives is all. */
  readonly available: readonly string[];
  /** Descriptors below 3 that shall belong to the user, so that `/dev/stdout` can be opened. */
  readonly ownStdio: readonly number[];
  /** False where a user namespace forbids setgroups(2): the groups stay what they are. */
  readonly setGroups: boolean;
}

/** Working directory, limits, identity, capabilities and seccomp filter. */
export function identitySteps(
  p: ProgramBuilder,
  process: OciProcess,
  options: IdentityOptions,
): Check {
  const { user, capabilities } = process;
  const noNewPrivs = process.noNewPrivileges === true;
  const only = (wanted: readonly string[] = []) =>
    wanted.filter((name) => options.available.includes(name));
  const ambient = only(capabilities?.ambient);
  const bounding = new Set(capabilities?.bounding ?? []);

  p.step("umask", [user.umask ?? 0o022]);
  for (const fd of options.ownStdio) {
    p.step("fchown", [fd, user.uid, -1], { name: "own stdio", mayFail: true });
  }
  // First as root, then as the user: each may enter directories that the other may not.
  const asRoot = directorySteps(p, process.cwd);
  // A filter could refuse it, and the user could not raise one.
  limitSteps(p, process);
  // Without no_new_privs a filter needs CAP_SYS_ADMIN, so it comes first, and allows what follows.
  if (!noNewPrivs) seccompStep(p, options);
  CAPABILITIES.forEach((name, bit) => {
    if (!bounding.has(name)) {
      p.step("prctl", [PR.PR_CAPBSET_DROP, bit, 0, 0, 0], {
        name: "drop capability",
        subject: name,
      });
    }
  });
  p.step("prctl", [PR.PR_SET_KEEPCAPS, 1, 0, 0, 0]);
  const groups = user.additionalGids ?? [];
  if (groups.length > 0 || options.setGroups) {
    const list = new Uint8Array(new Uint32Array(groups).buffer);
    p.step("setgroups", [groups.length, groups.length === 0 ? 0 : list], { name: "set groups" });
  }
  p.step("setresgid", [user.gid, user.gid, user.gid], { name: "set group" });
  p.step("setresuid", [user.uid, user.uid, user.uid], { name: "set user" });
  const asUser = user.uid === 0 ? [] : directorySteps(p, process.cwd);
  const words = new Uint32Array(8);
  words[0] = 0x20080522; // _LINUX_CAPABILITY_VERSION_3
  const [el, eh] = capabilityWords(only(capabilities?.effective));
  const [pl, ph] = capabilityWords(only(capabilities?.permitted));
  const [il, ih] = capabilityWords(only(capabilities?.inheritable));
  words.set([el, pl, il, eh, ph, ih], 2);
  const bytes = new Uint8Array(words.buffer);
  p.step("capset", [bytes.subarray(0, 8), bytes.subarray(8)], { name: "set capabilities" });
  p.step("prctl", [PR.PR_SET_KEEPCAPS, 0, 0, 0, 0]);
  p.step("prctl", [PR.PR_CAP_AMBIENT, PR.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0], { mayFail: true });
  for (const name of ambient) {
    const bit = CAPABILITIES.indexOf(name);
    p.step("prctl", [PR.PR_CAP_AMBIENT, PR.PR_CAP_AMBIENT_RAISE, bit, 0, 0], {
      name: "raise ambient capability",
      subject: name,
    });
  }
  if (noNewPrivs) {
    p.step("prctl", [PR.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0]);
    seccompStep(p, options);
  }
  return (result) => {
    if (result(asRoot[1]!) === 0 || (asUser.length > 0 && result(asUser[1]!) === 0)) return;
    const tried = asUser.length > 0 ? asUser : asRoot;
    const errno = -tried.map(result).find((value) => value < 0)!;
    throw new SyscallError({
      operation: "enter working directory",
      subject: process.cwd,
      syscall: "chdir",
      args: [JSON.stringify(process.cwd)],
      errno,
      errnoName: errnoName(errno),
    });
  };
}

/** Magic links are refused: `/proc/self/fd/0` may be a directory of the host (CVE-2024-21626). */
function directorySteps(p: ProgramBuilder, cwd: string): Ref[] {
  const options = { name: "enter working directory", subject: cwd, mayFail: true };
  const how = openHow(
    O.O_PATH | O_ARCH.O_DIRECTORY | O.O_CLOEXEC,
    RESOLVE.RESOLVE_NO_MAGICLINKS,
  );
  const fd = p.step("openat2", [AT.AT_FDCWD, cwd, how, 24], options);
  return [fd, p.step("fchdir", [fd], options)];
}

function seccompStep(p: ProgramBuilder, { seccomp, seccompFlags }: IdentityOptions): void {
  if (seccomp === undefined) return;
  const SECCOMP_SET_MODE_FILTER = 1;
  const program = new Uint8Array(16);
  new DataView(program.buffer).setUint16(0, seccomp.length / 8, true);
  p.step("seccomp", [SECCOMP_SET_MODE_FILTER, seccompFlags, {
    bytes: program,
    pointers: [{ offset: 8, to: seccomp }],
    text: `{len=${seccomp.length / 8}}`,
  }], { name: "install seccomp filter" });
}

/** The `flags` of a seccomp profile; without any, what runc uses. */
export function seccompFlags(flags: readonly string[] | undefined): number {
  const known: Readonly<Record<string, number>> = {
    SECCOMP_FILTER_FLAG_TSYNC: 1,
    SECCOMP_FILTER_FLAG_LOG: 2,
    SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
    SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 32,
  };
  if (flags === undefined) return 4;
  return flags.reduce((all, flag) => {
    const bit = known[flag];
    if (bit !== undefined) return all | bit;
    throw new CtrError({
      code: "invalid_argument",
      operation: "use seccomp flag",
      subject: flag,
      reason: "there is no such flag",
    });
  }, 0);
}
