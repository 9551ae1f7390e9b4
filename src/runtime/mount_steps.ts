/**
 * The steps that build a container's file system tree, up to `pivot_root`.
 *
 * Whatever the image contains is hostile: targets are looked up with `openat2(RESOLVE_IN_ROOT)` from
 * the root's descriptor and mounted on through `/proc/self/fd`, never by path.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciMount } from "../oci/mod.ts";
import { AT, MOUNT_ATTR, MS, O, RESOLVE } from "../linux/mod.ts";
import { O_ARCH, openHow, type ProgramBuilder, type Ref } from "../program/mod.ts";
import { overlayData, parseMountOptions } from "./mount_options.ts";
import type { RootfsMount } from "./types.ts";

/** Descriptor numbers that the steps use for paths such as `/proc/self/fd/900`. */
const TARGET_FD = 900;
/** What a looked-up target is named. */
export const TARGET = `/proc/self/fd/${TARGET_FD}`;
/** mount(2) takes one page of data. */
const DATA_PAGE = 4096;
/** How hostile paths are looked up. */
export const IN_ROOT = RESOLVE.RESOLVE_IN_ROOT | RESOLVE.RESOLVE_NO_MAGICLINKS;

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
export function targetSteps(
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

/** Make the root the process's own `/`, with nothing of the host's tree reachable. */
export function pivotSteps(p: ProgramBuilder, root: Ref): void {
  p.step("fchdir", [root]);
  p.step("pivot_root", [".", "."]);
  p.step("umount2", [".", 2], { name: "detach the host's root" });
  p.step("chdir", ["/"]);
}
