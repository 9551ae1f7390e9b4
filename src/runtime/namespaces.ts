/**
 * Namespaces of a container: those that are made with the process, and those that it joins.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { AT, CLONE, O, PR } from "../linux/mod.ts";
import type { OciNamespace, OciNamespaceType } from "../oci/mod.ts";
import type { ProgramBuilder, Ref } from "../program/mod.ts";

/** CLONE_NEW* by the runtime spec's names. */
export const NAMESPACE_FLAGS: Readonly<Record<OciNamespaceType, number>> = {
  user: CLONE.CLONE_NEWUSER,
  mount: CLONE.CLONE_NEWNS,
  pid: CLONE.CLONE_NEWPID,
  network: CLONE.CLONE_NEWNET,
  ipc: CLONE.CLONE_NEWIPC,
  uts: CLONE.CLONE_NEWUTS,
  cgroup: CLONE.CLONE_NEWCGROUP,
  time: CLONE.CLONE_NEWTIME,
};

/** How a container's namespaces come to be. */
export interface NamespacePlan {
  /** The first clone's CLONE_NEW*. */
  readonly cloneFlags: number;
  /** CLONE_NEW* of what the cloned process makes itself, while its parent makes its cgroups. */
  readonly unshared: number;
  /** Joined by path, the user namespace first: it owns the others. */
  readonly joined: readonly { readonly type: OciNamespaceType; readonly path: string }[];
  /** CLONE_NEW* of a second clone, in the joined namespaces; undefined: one clone is enough. */
  readonly secondClone: number | undefined;
  /** Made for this container and nobody else. */
  readonly own: ReadonlySet<OciNamespaceType>;
  /** Own or joined: not the host's. */
  readonly has: ReadonlySet<OciNamespaceType>;
}

/**
 * Sort the namespaces of a spec.
 *
 * @throws {CtrError} `invalid_argument` for an unknown or repeated one
 */
export function planNamespaces(namespaces: readonly OciNamespace[] = []): NamespacePlan {
  const own = new Set<OciNamespaceType>();
  const has = new Set<OciNamespaceType>();
  const joined: { type: OciNamespaceType; path: string }[] = [];
  let flags = 0;
  for (const { type, path } of namespaces) {
    if (NAMESPACE_FLAGS[type] === undefined || has.has(type)) {
      throw new CtrError({
        code: "invalid_argument",
        operation: "use namespace",
        subject: type,
        reason: has.has(type) ? "it is listed twice" : "there is no such namespace",
      });
    }
    has.add(type);
    if (path !== undefined && path !== "") joined.push({ type, path });
    else {
      own.add(type);
      // The cgroup namespace is made later, when the process is where its root shall be, and the time
      // namespace when its clocks can be set.
      if (type !== "cgroup" && type !== "time") flags += NAMESPACE_FLAGS[type];
    }
  }
  joined.sort((a, b) => Number(b.type === "user") - Number(a.type === "user"));
  // A joined process-id namespace takes in only children, and a joined user namespace owns only what
  // is made after joining it. What is to be joined and set up with the host's rights comes before a
  // user namespace of one's own.
  const twice = own.has("user") || joined.some(({ type }) => type === "pid" || type === "user");
  const atClone = twice ? 0 : flags & CLONE.CLONE_NEWPID;
  return {
    cloneFlags: atClone,
    unshared: twice ? 0 : flags - atClone,
    joined,
    secondClone: twice ? flags : undefined,
    own,
    has,
  };
}

/** Join namespaces by path. */
export function joinSteps(p: ProgramBuilder, joined: NamespacePlan["joined"]): void {
  // All are opened first: a path may be out of reach from within another namespace.
  const opened = joined.map(({ type, path }) => ({
    type,
    path,
    fd: p.step("openat", [AT.AT_FDCWD, path, O.O_RDONLY | O.O_CLOEXEC, 0], {
      name: `open ${type} namespace`,
      subject: path,
    }),
  }));
  for (const { type, path, fd } of opened) {
    p.step("setns", [fd, NAMESPACE_FLAGS[type]], { name: `join ${type} namespace`, subject: path });
  }
}

/** Nobody may trace this process, nor look into it, up to its execve. */
export function undumpableStep(p: ProgramBuilder): void {
  p.step("prctl", [PR.PR_SET_DUMPABLE, 0, 0, 0, 0]);
}

/** 127.0.0.1 is there in every network namespace, but in a new one its link is down. */
export function loopbackSteps(p: ProgramBuilder): void {
  const [AF_INET, SOCK_DGRAM, SIOCSIFFLAGS, IFF_UP] = [2, 1, 0x8914, 1];
  const request = new Uint8Array(40); // struct ifreq
  request.set(new TextEncoder().encode("lo"));
  request[16] = IFF_UP;
  const about = { name: "set up loopback", mayFail: true };
  const socket = p.step("socket", [AF_INET, SOCK_DGRAM | O.O_CLOEXEC, 0], about);
  p.step("ioctl", [socket, SIOCSIFFLAGS, request], about);
  p.step("close", [socket], about);
}

/** In a user namespace: be its root, and no more who the host knows. */
export function becomeRootSteps(p: ProgramBuilder): void {
  const name = "become root of the user namespace";
  p.step("setresgid", [0, 0, 0], { name });
  p.step("setresuid", [0, 0, 0], { name });
}

/**
 * Clone once more: this process ends and the new one, a child of our parent, goes on.
 *
 * @param has the namespaces of the container: who is to enter a time namespace must be alone in its
 * memory, of which a copy costs 0.2 ms
 * @returns the step whose result is the new process's id, as our parent sees it
 */
export function secondCloneStep(
  p: ProgramBuilder,
  flags: number,
  has: ReadonlySet<OciNamespaceType>,
): Ref {
  // struct clone_args: only flags. No exit signal: CLONE_PARENT takes over ours, SIGCHLD.
  const args = new Uint8Array(88);
  const all = flags + CLONE.CLONE_PARENT + CLONE.CLONE_CLEAR_SIGHAND +
    (has.has("time") ? 0 : CLONE.CLONE_VM);
  new DataView(args.buffer).setBigUint64(0, BigInt(all), true);
  return p.step("clone3", [args, args.length], {
    name: "clone into the namespaces",
    exitIfPositive: true,
  });
}
