/**
 * The steps that make a process who it shall be: working directory, user, capabilities, filter.
 *
 * @module
 */

import { SyscallError } from "../errors.ts";
import type { OciProcess } from "../oci/mod.ts";
import { AT, CAPABILITIES, capabilityWords, errnoName, O, PR, RESOLVE } from "../linux/mod.ts";
import { O_ARCH, openHow, type ProgramBuilder, type Ref } from "../program/mod.ts";
import { limitSteps } from "./limit_steps.ts";
import { type KeptFds, pauseSteps } from "./process_steps.ts";
import type { Check } from "./protect_steps.ts";
import { type Filter, seccompSteps } from "./seccomp_steps.ts";

/** What `identitySteps` has to know of the host. */
export interface IdentityOptions {
  readonly seccomp: Filter | undefined;
  readonly kept: KeptFds;
  /** Capabilities that can be kept; others are not asked for. What a new user namespace gives is all. */
  readonly available: readonly string[];
  /** Descriptors below 3 that shall belong to the user, so that `/dev/stdout` can be opened. */
  readonly ownStdio: readonly number[];
  /** False where a user namespace forbids setgroups(2): the groups stay what they are. */
  readonly setGroups: boolean;
}

/** What is to be looked at afterwards. */
export interface Identity {
  readonly check: Check;
  /** The listener of the filter; the parent takes it at a station of its own. */
  readonly listener: Ref | undefined;
}

/** Working directory, limits, identity, capabilities and seccomp filter. */
export function identitySteps(
  p: ProgramBuilder,
  process: OciProcess,
  options: IdentityOptions,
): Identity {
  const { user, capabilities } = process;
  const noNewPrivs = process.noNewPrivileges === true;
  const only = (wanted: readonly string[] = []) =>
    wanted.filter((name) => options.available.includes(name));
  // The kernel lets no other be ambient. As in runc, what it would refuse is left out.
  const { permitted = [], inheritable = [] } = capabilities ?? {};
  const ambient = only(capabilities?.ambient)
    .filter((name) => permitted.includes(name) && inheritable.includes(name));
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
  let listener = noNewPrivs ? undefined : filterSteps(p, options);
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
    listener = filterSteps(p, options);
  }
  const check: Check = (result) => {
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
  return { check, listener };
}

/**
 * Install the filter. If it has a listener, wait until the parent has handed that over, and close it
 * here: a process that holds its own listener would wait forever for an agent that has ended.
 */
function filterSteps(p: ProgramBuilder, { seccomp, kept }: IdentityOptions): Ref | undefined {
  const listener = seccomp === undefined ? undefined : seccompSteps(p, seccomp);
  if (listener === undefined) return undefined;
  pauseSteps(p, { go: kept.turn, status: kept.status });
  p.step("close", [listener]);
  return listener;
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
