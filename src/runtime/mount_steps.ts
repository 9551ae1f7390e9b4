/**
 * The steps that build a container's file system tree, up to `pivot_root`.
 *
 * Whatever the image contains is hostile: targets are looked up with `openat2(RESOLVE_IN_ROOT)` from
 * the root's descriptor and mounted on through `/proc/self/fd`, never by path.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciDevice, OciMount } from "../oci/mod.ts";
import { AT, MOUNT_ATTR, MS, O, RESOLVE, S } from "../linux/mod.ts";
import { O_ARCH, openHow, type ProgramBuilder, type Ref } from "../program/mod.ts";
import { overlayData, parseMountOptions } from "./mount_options.ts";
import type { RootfsMount } from "./types.ts";

/** Descriptor numbers that the steps use for paths such as `/proc/self/fd/900`. */
const TARGET_FD = 900;
const TARGET = `/proc/self/fd/${TARGET_FD}`;
/** mount(2) takes one page of data. */
const DATA_PAGE = 4096;
const IN_ROOT = RESOLVE.RESOLVE_IN_ROOT | RESOLVE.RESOLVE_NO_MAGICLINKS;

/** How `mount_setattr` is told to set attributes: attr_set, attr_clr, propagation, userns_fd. */
export function mountAttributes(set: number): Uint8Array {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, set, true);
  return bytes;
}

/**
 * Mount the root file system on `place` and open it.
 *
 * @returns the root's descriptor
 */
export function rootfsSteps(
  p: ProgramBuilder,
  place: string,
  mounts: readonly RootfsMount[],
): Ref {
  if (mounts.length === 0) {
    p.step("mount", [place, place, 0, MS.MS_BIND | MS.MS_REC, 0], {
      name: "mount rootfs",
      subject: place,
    });
  }
  let root: Ref | undefined;
  for (const mount of mounts) {
    let target = place;
    if (mount.target !== undefined && mount.target !== "/") {
      root ??= openRoot(p, place);
      target = targetSteps(p, root, mount.target, "directory");
    }
    fileSystemSteps(p, mount, target);
  }
  return root ?? openRoot(p, place);
}

function openRoot(p: ProgramBuilder, place: string): Ref {
  return p.step("openat", [AT.AT_FDCWD, place, O.O_PATH | O_ARCH.O_DIRECTORY | O.O_CLOEXEC, 0], {
    name: "open rootfs",
    subject: place,
  });
}

/** Mount one file system; an overlay with too many lower directories goes through fsconfig(2). */
function fileSystemSteps(p: ProgramBuilder, mount: RootfsMount, target: string): void {
  const subject = mount.target ?? "/";
  const { flags, data } = parseMountOptions(mount.options);
  if (mount.type === "bind") {
    bindSteps(p, mount.source, target, mount.options, subject);
    return;
  }
  const page = mount.type === "overlay" ? overlayData(data === "" ? [] : data.split(",")) : data;
  if (page.length < DATA_PAGE) {
    p.step("mount", [mount.source, target, mount.type, flags, page], {
      name: `mount ${mount.type}`,
      subject,
    });
    return;
  }
  const FSCONFIG_SET_STRING = 1;
  const FSCONFIG_CMD_CREATE = 6;
  const MOVE_MOUNT_F_EMPTY_PATH = 4;
  const name = `mount ${mount.type}`;
  const context = p.step("fsopen", [mount.type, 1], { name, subject });
  for (const option of data.split(",")) {
    const equals = option.lastIndexOf("=", option.indexOf("=") + 1);
    const key = option.slice(0, equals);
    const value = option.slice(equals + 1);
    p.step("fsconfig", [context, FSCONFIG_SET_STRING, key, value, 0], { name, subject });
  }
  p.step("fsconfig", [context, FSCONFIG_CMD_CREATE, 0, 0, 0], { name, subject });
  const made = p.step("fsmount", [context, 1, 0], { name, subject });
  p.step("move_mount", [made, "", AT.AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH], { name, subject });
}

/**
 * Look a target up in the root, making it if it is missing.
 *
 * @returns a path through `/proc/self/fd` that names exactly what was found
 */
function targetSteps(
  p: ProgramBuilder,
  root: Ref,
  destination: string,
  kind: "directory" | "file",
): string {
  const parts = destination.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "mount",
      subject: destination,
      reason: 'the target contains ".."',
    });
  }
  let parent = root;
  parts.forEach((part, index) => {
    const last = index === parts.length - 1;
    if (last && kind === "file") {
      const flags = O.O_WRONLY | O.O_CREAT | O.O_EXCL | O_ARCH.O_NOFOLLOW | O.O_CLOEXEC;
      p.step("openat", [parent, part, flags, 0o644], { name: "create target", mayFail: true });
    } else {
      p.step("mkdirat", [parent, part, 0o755], { name: "create target", mayFail: true });
    }
    const path = parts.slice(0, index + 1).join("/");
    const how = openHow(O.O_PATH | O.O_CLOEXEC, IN_ROOT);
    parent = p.step("openat2", [root, path, how, how.length], {
      name: "open mount target",
      subject: destination,
    });
  });
  p.step("dup3", [parent, TARGET_FD, O.O_CLOEXEC]);
  return TARGET;
}

/** A mount of the spec. `sourceKind` says what a bind mount's source is: the target is made alike. */
export function mountSteps(
  p: ProgramBuilder,
  root: Ref,
  mount: OciMount,
  sourceKind: "directory" | "file",
): void {
  const type = mount.type ?? "bind";
  const options = mount.options ?? [];
  const parsed = parseMountOptions(options);
  const target = targetSteps(p, root, mount.destination, sourceKind);
  const subject = mount.destination;
  if (parsed.flags & MS.MS_BIND || type === "bind") {
    bindSteps(p, mount.source ?? "", target, options, subject);
    return;
  }
  p.step("mount", [mount.source ?? type, target, type, parsed.flags, parsed.data], {
    name: `mount ${type}`,
    subject,
  });
  if (parsed.propagation.length > 0 || parsed.recursive !== 0) {
    attributeSteps(p, root, subject, parsed);
  }
}

function bindSteps(
  p: ProgramBuilder,
  source: string,
  target: string,
  options: readonly string[],
  subject: string,
): void {
  const parsed = parseMountOptions(options);
  const recursive = parsed.flags & MS.MS_REC;
  // open_tree makes the mount before it has a place, so its attributes are set before anyone sees it.
  const OPEN_TREE_CLONE = 1;
  const name = "bind mount";
  const tree = p.step("open_tree", [
    AT.AT_FDCWD,
    source,
    OPEN_TREE_CLONE | O.O_CLOEXEC | (recursive ? AT.AT_RECURSIVE : 0),
  ], { name, subject: source });
  const attributes = parsed.flags & ~(MS.MS_BIND | MS.MS_REC);
  if (attributes !== 0) setAttributes(p, tree, attributesOf(attributes), false, subject);
  if (parsed.recursive !== 0) setAttributes(p, tree, parsed.recursive, true, subject);
  const MOVE_MOUNT_F_EMPTY_PATH = 4;
  const MOVE_MOUNT_T_SYMLINKS = 0x10;
  p.step("move_mount", [
    tree,
    "",
    AT.AT_FDCWD,
    target,
    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS,
  ], { name, subject });
  for (const propagation of parsed.propagation) {
    // The descriptor of a moved tree is the mount itself.
    p.step("dup3", [tree, TARGET_FD, O.O_CLOEXEC]);
    p.step("mount", [0, TARGET, 0, propagation, 0], { name: "set propagation", subject });
  }
}

function setAttributes(
  p: ProgramBuilder,
  tree: Ref,
  set: number,
  recursive: boolean,
  subject: string,
): void {
  const flags = AT.AT_EMPTY_PATH | (recursive ? AT.AT_RECURSIVE : 0);
  p.step("mount_setattr", [tree, "", flags, mountAttributes(set), 32], {
    name: "set mount attributes",
    subject,
  });
}

function attributesOf(flags: number): number {
  let set = flags & (MS.MS_RDONLY | MS.MS_NOSUID | MS.MS_NODEV | MS.MS_NOEXEC);
  if (flags & MS.MS_NOATIME) set |= 0x10;
  if (flags & MS.MS_NODIRATIME) set |= 0x80;
  if (flags & MS.MS_NOSYMFOLLOW) set |= 0x200000;
  return set;
}

function attributeSteps(
  p: ProgramBuilder,
  root: Ref,
  subject: string,
  parsed: { readonly propagation: readonly number[]; readonly recursive: number },
): void {
  const how = openHow(O.O_PATH | O.O_CLOEXEC, IN_ROOT);
  const mounted = p.step("openat2", [root, subject.replace(/^\/+/, ""), how, how.length], {
    name: "open mount",
    subject,
  });
  if (parsed.recursive !== 0) setAttributes(p, mounted, parsed.recursive, true, subject);
  for (const propagation of parsed.propagation) {
    p.step("dup3", [mounted, TARGET_FD, O.O_CLOEXEC]);
    p.step("mount", [0, TARGET, 0, propagation, 0], { name: "set propagation", subject });
  }
}

/** Make the mount at a path of the root read-only, without what is mounted below it. */
export function protectSteps(p: ProgramBuilder, root: Ref, path: string): void {
  const how = openHow(O.O_PATH | O.O_CLOEXEC, IN_ROOT);
  const mounted = p.step("openat2", [root, path.replace(/^\/+/, ""), how, how.length], {
    name: "open mount",
    subject: path,
  });
  setAttributes(p, mounted, MOUNT_ATTR.MOUNT_ATTR_RDONLY, false, path);
}

/** Device nodes, and the links that every program expects, in the fresh `/dev`. */
export function deviceSteps(
  p: ProgramBuilder,
  root: Ref,
  devices: readonly OciDevice[],
  options: { readonly bind: boolean },
): void {
  const how = openHow(O.O_PATH | O_ARCH.O_DIRECTORY | O.O_CLOEXEC, IN_ROOT);
  const dev = p.step("openat2", [root, "dev", how, how.length], { name: "open /dev" });
  for (const device of devices) {
    if (options.bind) {
      mountSteps(
        p,
        root,
        { destination: device.path, source: device.path, options: ["bind"] },
        "file",
      );
      continue;
    }
    const type = device.type === "b" ? S.S_IFBLK : device.type === "p" ? S.S_IFIFO : S.S_IFCHR;
    const mode = type | (device.fileMode ?? 0o666);
    const number = deviceNumber(device.major ?? 0, device.minor ?? 0);
    const inDev = /^\/dev\/([^/]+)$/.exec(device.path);
    const at = inDev === null ? parentOf(p, root, device.path) : dev;
    const name = device.path.slice(device.path.lastIndexOf("/") + 1);
    p.step("mknodat", [at, name, mode, number], { name: "make device", subject: device.path });
    if (device.uid || device.gid) {
      p.step("fchownat", [at, name, device.uid ?? 0, device.gid ?? 0, AT.AT_SYMLINK_NOFOLLOW], {
        name: "own device",
        subject: device.path,
      });
    }
  }
  const links = [
    ["/proc/self/fd", "fd"],
    ["/proc/self/fd/0", "stdin"],
    ["/proc/self/fd/1", "stdout"],
    ["/proc/self/fd/2", "stderr"],
    ["pts/ptmx", "ptmx"],
    ["/proc/kcore", "core"],
  ] as const;
  for (const [to, name] of links) {
    p.step("symlinkat", [to, dev, name], { name: "link device", subject: name, mayFail: true });
  }
}

/** The directory of a path in the root, with what is missing made on the way. */
function parentOf(p: ProgramBuilder, root: Ref, path: string): Ref {
  targetSteps(p, root, path.slice(0, path.lastIndexOf("/")), "directory");
  return p.step("openat", [AT.AT_FDCWD, TARGET, O.O_PATH | O_ARCH.O_DIRECTORY | O.O_CLOEXEC, 0]);
}

/** `makedev(3)`. */
export function deviceNumber(major: number, minor: number): number {
  return (minor & 0xff) + ((major & 0xfff) << 8) + (minor >> 8) * 0x100000;
}

/** Make the root the process's own `/`, with nothing of the host's tree reachable. */
export function pivotSteps(p: ProgramBuilder, root: Ref): void {
  p.step("fchdir", [root]);
  p.step("pivot_root", [".", "."]);
  p.step("umount2", [".", 2], { name: "detach the host's root" });
  p.step("chdir", ["/"]);
}

/** The two ways to hide a path: which one fits depends on what the path is. */
export interface MaskSteps {
  readonly path: string;
  readonly file: Ref;
  readonly directory: Ref;
}

/**
 * Hide paths: `/dev/null` over files, an empty read-only tmpfs over directories. One of the two fails
 * by nature; the caller checks afterwards that the other worked or the path does not exist.
 */
export function maskSteps(p: ProgramBuilder, paths: readonly string[]): MaskSteps[] {
  return paths.map((path) => ({
    path,
    file: p.step("mount", ["/dev/null", path, 0, MS.MS_BIND, 0], { name: "mask", mayFail: true }),
    directory: p.step("mount", ["tmpfs", path, "tmpfs", MS.MS_RDONLY, "nr_inodes=2"], {
      name: "mask",
      mayFail: true,
    }),
  }));
}

/** A path made read-only: the bind on itself, then the attribute. */
export interface ReadonlySteps {
  readonly path: string;
  readonly bind: Ref;
  readonly protect: Ref;
}

/** Make paths read-only where they exist; the caller checks the results. */
export function readonlySteps(p: ProgramBuilder, paths: readonly string[]): ReadonlySteps[] {
  const attributes = mountAttributes(MOUNT_ATTR.MOUNT_ATTR_RDONLY);
  return paths.map((path) => ({
    path,
    bind: p.step("mount", [path, path, 0, MS.MS_BIND | MS.MS_REC, 0], {
      name: "protect",
      mayFail: true,
    }),
    protect: p.step("mount_setattr", [AT.AT_FDCWD, path, AT.AT_RECURSIVE, attributes, 32], {
      name: "protect",
      mayFail: true,
    }),
  }));
}
