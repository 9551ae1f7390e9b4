/**
 * The steps that turn the cloned child into the container's process: limits, identity, filter, and
 * at last `execve`. The same for a container's first process and for added ones.
 *
 * @module
 */

import type { OciProcess } from "../oci/mod.ts";
import { CAPABILITIES, capabilityWords, PR, RLIMITS, TTY } from "../linux/mod.ts";
import { O_ARCH, type ProgramBuilder, type Ref, strings } from "../program/mod.ts";

/** Where the descriptors that survive until execve are put. */
export const GO_FD = 3;
export const STATUS_FD = 4;
/** The pty master waits here until the parent fetched it. */
export const MASTER_FD = 5;

/** stdin, stdout and stderr of the process. */
export function stdioSteps(p: ProgramBuilder, fds: readonly [number, number, number]): void {
  fds.forEach((fd, target) => {
    if (fd === target) p.step("fcntl", [fd, 2, 0]); // F_SETFD: not close-on-exec
    else p.step("dup3", [fd, target, 0], { name: "connect stdio" });
  });
}

/**
 * Enter cgroups of version 1. Through `tasks`, not `cgroup.procs`: a single thread that moves itself
 * takes no system-wide lock, which costs a grace period of the kernel's RCU, 5 to 15 ms (Linux 5.3).
 */
export function cgroupSteps(p: ProgramBuilder, directories: readonly string[]): void {
  const name = "enter cgroup";
  for (const subject of directories) {
    const fd = p.step("openat", [-100, `${subject}/tasks`, 1, 0], { name, subject });
    p.step("write", [fd, "0", 1], { name, subject });
    p.step("close", [fd]);
  }
}

/** A pty of the container's own devpts: its slave is stdio and `/dev/console`. */
export function terminalSteps(
  p: ProgramBuilder,
  options: {
    readonly console: boolean;
    readonly size?: { readonly height: number; readonly width: number };
  },
): void {
  const O_RDWR_NOCTTY = 0o402;
  const AT_FDCWD = -100;
  const name = "open terminal";
  const master = p.step(
    "openat",
    [AT_FDCWD, "/dev/pts/ptmx", O_RDWR_NOCTTY | O_ARCH.O_NOFOLLOW, 0],
    {
      name,
      subject: "/dev/pts/ptmx",
    },
  );
  p.step("ioctl", [master, TTY.TIOCSPTLCK, new Uint8Array(4)], { name });
  const slave = p.step("ioctl", [master, TTY.TIOCGPTPEER, O_RDWR_NOCTTY], { name });
  if (options.size !== undefined) {
    const size = new Uint8Array(8);
    new Uint16Array(size.buffer).set([options.size.height, options.size.width]);
    p.step("ioctl", [slave, TTY.TIOCSWINSZ, size], { name: "set terminal size" });
  }
  for (const target of [0, 1, 2]) p.step("dup3", [slave, target, 0], { name: "connect stdio" });
  if (options.console) {
    const O_CREAT_CLOEXEC = 0o2000100;
    p.step("openat", [AT_FDCWD, "/dev/console", O_CREAT_CLOEXEC | O_ARCH.O_NOFOLLOW, 0o620], {
      name: "make /dev/console",
    });
    p.step("mount", ["/proc/self/fd/0", "/dev/console", 0, 0x1000, 0], {
      name: "mount /dev/console",
    });
  }
  p.step("ioctl", [0, TTY.TIOCSCTTY, 0], { name: "make terminal controlling" });
  p.step("dup3", [master, MASTER_FD, 0o2000000]);
}

/** Resource limits; what exceeds this host's hard limit was cut when the spec was made. */
export function rlimitSteps(p: ProgramBuilder, process: OciProcess): void {
  for (const { type, soft, hard } of process.rlimits ?? []) {
    const number = (RLIMITS as Readonly<Record<string, number>>)[type];
    if (number === undefined) {
      throw new RangeError(`unknown resource limit ${JSON.stringify(type)}`);
    }
    const limit = new BigUint64Array([
      BigInt.asUintN(64, BigInt(soft)),
      BigInt.asUintN(64, BigInt(hard)),
    ]);
    p.step("prlimit64", [0, number, new Uint8Array(limit.buffer), 0], {
      name: "set limit",
      subject: type,
    });
  }
}

/**
 * Keep only the descriptors that are needed up to execve: after this no path in the container, not
 * even `/proc/self/fd`, leads to the host (CVE-2024-21626).
 */
export function closeSteps(p: ProgramBuilder, terminal: boolean): void {
  p.step("close_range", [terminal ? MASTER_FD + 1 : STATUS_FD + 1, 0xffffffff, 0], {
    name: "close descriptors",
  });
}

/** Working directory, identity, capabilities and seccomp filter. */
export function identitySteps(
  p: ProgramBuilder,
  process: OciProcess,
  options: {
    readonly seccomp: Uint8Array | undefined;
    /** Capabilities this host lets us keep; the others cannot be raised nor need dropping. */
    readonly available: readonly string[];
    /** A user namespace refuses setgroups unless it is allowed. */
    readonly setGroups: boolean;
  },
): void {
  const { user, capabilities } = process;
  const noNewPrivs = process.noNewPrivileges === true;
  const effective = only(capabilities?.effective, options.available);
  const permitted = only(capabilities?.permitted, options.available);
  const inheritable = only(capabilities?.inheritable, options.available);
  const ambient = only(capabilities?.ambient, options.available);
  const bounding = new Set(capabilities?.bounding ?? []);

  p.step("umask", [user.umask ?? 0o022]);
  // Without no_new_privs a filter needs CAP_SYS_ADMIN, so it comes first, and allows what follows.
  if (!noNewPrivs && options.seccomp !== undefined) seccompStep(p, options.seccomp);
  CAPABILITIES.forEach((name, bit) => {
    if (!bounding.has(name) && options.available.includes(name)) {
      p.step("prctl", [PR.PR_CAPBSET_DROP, bit, 0, 0, 0], {
        name: "drop capability",
        subject: name,
      });
    }
  });
  p.step("prctl", [PR.PR_SET_KEEPCAPS, 1, 0, 0, 0]);
  const groups = user.additionalGids ?? [];
  if (options.setGroups) {
    const list = new Uint8Array(new Uint32Array(groups).buffer);
    p.step("setgroups", [groups.length, groups.length === 0 ? 0 : list], { name: "set groups" });
  }
  p.step("setresgid", [user.gid, user.gid, user.gid], { name: "set group" });
  p.step("setresuid", [user.uid, user.uid, user.uid], { name: "set user" });
  // After the user: a directory that only root may enter is not for others.
  p.step("chdir", [process.cwd], { name: "enter working directory", subject: process.cwd });
  const words = new Uint32Array(8);
  words[0] = 0x20080522; // _LINUX_CAPABILITY_VERSION_3
  const [el, eh] = capabilityWords(effective);
  const [pl, ph] = capabilityWords(permitted);
  const [il, ih] = capabilityWords(inheritable);
  words.set([el, pl, il, eh, ph, ih], 2);
  const bytes = new Uint8Array(words.buffer);
  p.step("capset", [bytes.subarray(0, 8), bytes.subarray(8)], { name: "set capabilities" });
  p.step("prctl", [PR.PR_SET_KEEPCAPS, 0, 0, 0, 0]);
  p.step("prctl", [PR.PR_CAP_AMBIENT, PR.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0], { mayFail: true });
  for (const name of ambient) {
    p.step(
      "prctl",
      [PR.PR_CAP_AMBIENT, PR.PR_CAP_AMBIENT_RAISE, CAPABILITIES.indexOf(name), 0, 0],
      {
        name: "raise ambient capability",
        subject: name,
      },
    );
  }
  if (noNewPrivs) {
    p.step("prctl", [PR.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0]);
    if (options.seccomp !== undefined) seccompStep(p, options.seccomp);
  }
}

function only(wanted: readonly string[] | undefined, available: readonly string[]): string[] {
  return (wanted ?? []).filter((name) => available.includes(name));
}

function seccompStep(p: ProgramBuilder, filter: Uint8Array): void {
  const SECCOMP_SET_MODE_FILTER = 1;
  const program = new Uint8Array(16);
  new DataView(program.buffer).setUint16(0, filter.length / 8, true);
  p.step("seccomp", [SECCOMP_SET_MODE_FILTER, 0, {
    bytes: program,
    pointers: [{ offset: 8, to: filter }],
    text: `{len=${filter.length / 8}}`,
  }], { name: "install seccomp filter" });
}

/** Say that all is ready, wait for the go, execute. */
export function execSteps(p: ProgramBuilder, process: OciProcess): Ref[] {
  p.step("write", [STATUS_FD, new Uint8Array([0x72]), 1], { name: "report ready" });
  p.waitForGo(GO_FD);
  const command = process.args[0]!;
  const argv = strings(process.args);
  const env = strings(process.env ?? []);
  const candidates = executableCandidates(command, process.env ?? []);
  return candidates.map((path, index) =>
    p.step("execve", [path, argv, env], {
      name: "execute",
      subject: command,
      mayFail: index < candidates.length - 1,
    })
  );
}

/** The paths that execvp(3) would try, in order. */
export function executableCandidates(command: string, env: readonly string[]): string[] {
  if (command.includes("/")) return [command];
  const path = env.find((entry) => entry.startsWith("PATH="))?.slice("PATH=".length) ??
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  return path.split(":").map((directory) => `${directory === "" ? "." : directory}/${command}`);
}
