/**
 * Compiles a bundle's `config.json` to the syscall program of the container's first process. Pure:
 * it reads nothing and needs no privilege, so the program can be shown before it runs.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { AT, CLONE, MOUNT_ATTR, MS, O } from "../linux/mod.ts";
import { ProgramBuilder, type Ref } from "../program/mod.ts";
import type { OciNamespace, OciNamespaceType, OciProcess, OciSpec } from "../oci/mod.ts";
import { deviceSteps } from "./device_steps.ts";
import {
  mountAttributes,
  mountSteps,
  pivotSteps,
  protectSteps,
  rootfsSteps,
} from "./mount_steps.ts";
import { type MaskSteps, maskSteps, type ReadonlySteps, readonlySteps } from "./protect_steps.ts";
import {
  cgroupSteps,
  closeSteps,
  execSteps,
  GO_FD,
  identitySteps,
  rlimitSteps,
  STATUS_FD,
  stdioSteps,
  terminalSteps,
} from "./process_steps.ts";
import type { RootfsMount } from "./types.ts";

/** CLONE_NEW* by the runtime spec's names. */
export const NAMESPACE_FLAGS: Readonly<Record<OciNamespaceType, number>> = {
  mount: CLONE.CLONE_NEWNS,
  pid: CLONE.CLONE_NEWPID,
  network: CLONE.CLONE_NEWNET,
  ipc: CLONE.CLONE_NEWIPC,
  uts: CLONE.CLONE_NEWUTS,
  user: CLONE.CLONE_NEWUSER,
  cgroup: CLONE.CLONE_NEWCGROUP,
  time: CLONE.CLONE_NEWTIME,
};

/** What the compiler has to know beside the spec: facts that the caller looked up. */
export interface CompileInput {
  readonly spec: OciSpec;
  /** Where the root file system is mounted, on the host. */
  readonly rootfsPath: string;
  readonly rootfs: readonly RootfsMount[];
  readonly stdio: readonly [number, number, number];
  readonly goFd: number;
  readonly statusFd: number;
  /** Directories of the container's cgroups that the process enters by itself (version 1). */
  readonly cgroups: readonly string[];
  /** The cgroup mount of the container: host directory and name below `/sys/fs/cgroup`. */
  readonly cgroupMounts: readonly { readonly source: string; readonly name: string }[];
  readonly seccomp: Uint8Array | undefined;
  readonly availableCapabilities: readonly string[];
  /** What each bind mount's source is, in the order of `spec.mounts`; others count as directories. */
  readonly sourceKinds: ReadonlyMap<string, "directory" | "file">;
}

/** The program and what its caller must look at once it waits for the go. */
export interface Compiled {
  readonly program: ProgramBuilder;
  readonly cloneFlags: number;
  readonly masks: readonly MaskSteps[];
  readonly readonlys: readonly ReadonlySteps[];
  readonly execs: readonly Ref[];
  /** The child waits for the go once more, before anything else, until its ids are mapped. */
  readonly waitsForMapping: boolean;
}

/**
 * Compile.
 *
 * @throws {CtrError} `invalid_argument` when the spec makes no sense
 */
export function compile(input: CompileInput): Compiled {
  const { spec } = input;
  const { process, linux = {} } = spec;
  checkProcess(process);
  const p = new ProgramBuilder("start");
  const namespaces = linux.namespaces ?? [];
  const own = (type: OciNamespaceType) =>
    namespaces.some((namespace) => namespace.type === type && namespace.path === undefined);
  let cloneFlags = 0;
  for (const { type, path } of namespaces) {
    if (path === undefined && type !== "cgroup") cloneFlags += NAMESPACE_FLAGS[type];
  }
  if (!own("mount")) {
    throw new CtrError({
      code: "not_implemented",
      operation: "start",
      reason: "a container without a mount namespace of its own is not supported",
    });
  }

  p.step("dup3", [input.goFd, 1000 + GO_FD, O.O_CLOEXEC]);
  p.step("dup3", [input.statusFd, 1000 + STATUS_FD, O.O_CLOEXEC]);
  const userns = own("user");
  if (userns) {
    p.waitForGo(1000 + GO_FD);
    p.step("setresgid", [0, 0, 0], { name: "become root of the user namespace" });
    p.step("setresuid", [0, 0, 0], { name: "become root of the user namespace" });
  }
  p.step("setsid", []);
  joinSteps(p, namespaces);
  cgroupSteps(p, input.cgroups);
  if (own("cgroup")) {
    p.step("unshare", [CLONE.CLONE_NEWCGROUP], { name: "unshare cgroup namespace" });
  }

  p.step("mount", [0, "/", 0, propagation(linux.rootfsPropagation), 0], {
    name: "set propagation of the root",
  });
  p.step("umask", [0]);
  const root = rootfsSteps(p, input.rootfsPath, input.rootfs);
  let devices = false;
  for (const mount of spec.mounts ?? []) {
    if (mount.type === "cgroup") {
      cgroupMountSteps(p, root, mount.destination, mount.options ?? [], input.cgroupMounts);
      continue;
    }
    mountSteps(p, root, mount, input.sourceKinds.get(mount.destination) ?? "directory");
    if (mount.destination === "/dev") {
      devices = true;
      deviceSteps(p, root, linux.devices ?? [], { bind: userns });
    }
  }
  if (!devices && linux.devices !== undefined && linux.devices.length > 0) {
    deviceSteps(p, root, linux.devices, { bind: userns });
  }
  if (!process.terminal) stdioSteps(p, input.stdio);
  pivotSteps(p, root);
  if (process.terminal) {
    terminalSteps(p, {
      console: true,
      ...process.consoleSize === undefined ? {} : { size: process.consoleSize },
    });
  }
  for (const [key, value] of Object.entries(linux.sysctl ?? {})) sysctlSteps(p, key, value);
  const readonlys = readonlySteps(p, linux.readonlyPaths ?? []);
  const masks = maskSteps(p, linux.maskedPaths ?? []);
  if (spec.root?.readonly) {
    const attributes = mountAttributes(MOUNT_ATTR.MOUNT_ATTR_RDONLY);
    workingDirectorySteps(p, process.cwd);
    p.step("mount_setattr", [AT.AT_FDCWD, "/", 0, attributes, 32], { name: "protect rootfs" });
  } else workingDirectorySteps(p, process.cwd);
  if (spec.hostname !== undefined && own("uts")) {
    p.step("sethostname", [spec.hostname, new TextEncoder().encode(spec.hostname).length]);
  }
  if (spec.domainname !== undefined && own("uts")) {
    p.step("setdomainname", [spec.domainname, new TextEncoder().encode(spec.domainname).length]);
  }
  rlimitSteps(p, process);
  const KEYCTL_JOIN_SESSION_KEYRING = 1;
  p.step("keyctl", [KEYCTL_JOIN_SESSION_KEYRING, 0], {
    name: "new session keyring",
    mayFail: true,
  });
  p.step("dup3", [1000 + GO_FD, GO_FD, O.O_CLOEXEC]);
  p.step("dup3", [1000 + STATUS_FD, STATUS_FD, O.O_CLOEXEC]);
  closeSteps(p, process.terminal === true);
  identitySteps(p, process, {
    seccomp: input.seccomp,
    available: input.availableCapabilities,
    setGroups: true,
  });
  const execs = execSteps(p, process);
  return { program: p, cloneFlags, masks, readonlys, execs, waitsForMapping: userns };
}

function checkProcess(process: OciProcess | undefined): asserts process is OciProcess {
  const bad = process === undefined
    ? "config.json has no process"
    : process.args.length === 0
    ? "no command specified"
    : !process.cwd.startsWith("/")
    ? `working directory ${JSON.stringify(process.cwd)} is not absolute`
    : undefined;
  if (bad !== undefined) {
    throw new CtrError({ code: "invalid_argument", operation: "start", reason: bad });
  }
}

function joinSteps(p: ProgramBuilder, namespaces: readonly OciNamespace[]): void {
  for (const { type, path } of namespaces) {
    if (path === undefined) continue;
    const fd = p.step("openat", [AT.AT_FDCWD, path, O.O_RDONLY | O.O_CLOEXEC, 0], {
      name: `open ${type} namespace`,
      subject: path,
    });
    p.step("setns", [fd, NAMESPACE_FLAGS[type]], { name: `join ${type} namespace`, subject: path });
    p.step("close", [fd]);
  }
}

function propagation(name: string | undefined): number {
  switch (name) {
    case "shared":
    case "rshared":
      return MS.MS_SHARED | MS.MS_REC;
    case "private":
    case "rprivate":
      return MS.MS_PRIVATE | MS.MS_REC;
    default:
      return MS.MS_SLAVE | MS.MS_REC;
  }
}

function cgroupMountSteps(
  p: ProgramBuilder,
  root: Ref,
  destination: string,
  options: readonly string[],
  mounts: readonly { readonly source: string; readonly name: string }[],
): void {
  const readonly = options.includes("ro");
  const bind = ["bind", "nosuid", "nodev", "noexec", ...readonly ? ["ro"] : []];
  if (mounts.length === 1 && mounts[0]!.name === "") {
    mountSteps(p, root, { destination, source: mounts[0]!.source, options: bind }, "directory");
    return;
  }
  const tmpfs = ["nosuid", "nodev", "noexec", "mode=755"];
  mountSteps(p, root, { destination, type: "tmpfs", source: "tmpfs", options: tmpfs }, "directory");
  for (const { source, name } of mounts) {
    const target = `${destination}/${name}`;
    mountSteps(p, root, { destination: target, source, options: bind }, "directory");
  }
  if (readonly) protectSteps(p, root, destination);
}

/** Our `/proc` was mounted a moment ago and nothing of the container ran since. */
function sysctlSteps(p: ProgramBuilder, key: string, value: string): void {
  if (!/^[\w.\/-]+$/.test(key) || key.split(/[./]/).includes("")) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "set sysctl",
      subject: key,
      reason: "not a name of a kernel parameter",
    });
  }
  const path = `/proc/sys/${key.includes("/") ? key : key.replaceAll(".", "/")}`;
  const bytes = new TextEncoder().encode(value);
  const fd = p.step("openat", [AT.AT_FDCWD, path, O.O_WRONLY | O.O_CLOEXEC, 0], {
    name: "set sysctl",
    subject: key,
  });
  p.step("write", [fd, bytes, bytes.length], { name: "set sysctl", subject: key });
}

/** Docker makes a missing working directory; the root is already the container's. */
function workingDirectorySteps(p: ProgramBuilder, cwd: string): void {
  let path = "";
  for (const part of cwd.split("/").filter((part) => part !== "")) {
    path += `/${part}`;
    p.step("mkdirat", [AT.AT_FDCWD, path, 0o755], {
      name: "make working directory",
      mayFail: true,
    });
  }
}
