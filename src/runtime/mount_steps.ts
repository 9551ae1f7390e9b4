/**
 * The steps that mount file systems in a container's root.
 *
 * Whatever the image contains is hostile: targets are looked up with `openat2(RESOLVE_IN_ROOT)` from
 * the root's descriptor and mounted on through descriptors, never by path (CVE-2021-30465).
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciMount } from "../oci/mod.ts";
import { AT, MS, O, RESOLVE } from "../linux/mod.ts";
import { O_ARCH, openHow, type ProgramBuilder, type Ref } from "../program/mod.ts";
import { type AttributeChange, overlayData, parseMountOptions } from "./mount_options.ts";
import type { RootfsMount } from "./types.ts";

/** mount(2) takes one page of data. */
const DATA_PAGE = 4096;
const IN_ROOT = RESOLVE.RESOLVE_IN_ROOT | RESOLVE.RESOLVE_NO_MAGICLINKS;
const OPEN_PATH = openHow(O.O_PATH | O.O_CLOEXEC, IN_ROOT);
const OPEN_DIRECTORY = openHow(O.O_PATH | O_ARCH.O_DIRECTORY | O.O_CLOEXEC, IN_ROOT);
export const OPEN_TREE_CLONE = 1;
export const MOVE_MOUNT_F_EMPTY_PATH = 4;
export const MOVE_MOUNT_T_EMPTY_PATH = 0x40;

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
  const name = "mount rootfs";
  if (mounts.length === 0) {
    p.step("mount", [place, place, 0, MS.MS_BIND | MS.MS_REC, 0], { name, subject: place });
  }
  const directory = O.O_PATH | O_ARCH.O_DIRECTORY | O.O_CLOEXEC;
  const open = () =>
    p.step("openat", [AT.AT_FDCWD, place, directory, 0], { name: "open rootfs", subject: place });
  let root: Ref | undefined;
  for (const mount of mounts) {
    const inside = mount.target !== undefined && mount.target !== "/";
    const target = inside
      ? targetSteps(p, root ??= open(), mount.target, "directory")
      : p.step("openat", [AT.AT_FDCWD, place, directory, 0], { name, subject: place });
    fileSystemSteps(p, { ...mount, destination: mount.target ?? "/" }, target);
    if (!inside) root = undefined;
  }
  return root ?? open();
}

/** A mount of the spec. `sourceKind` says what a bind mount's source is: the target is made alike. */
export function mountSteps(
  p: ProgramBuilder,
  root: Ref,
  mount: OciMount,
  sourceKind: "directory" | "file",
): void {
  const target = targetSteps(p, root, mount.destination, sourceKind);
  const changes = fileSystemSteps(p, mount, target);
  if (changes.length === 0) return;
  const mounted = openInRoot(p, root, mount.destination);
  for (const change of changes) attributeStep(p, mounted, change, mount.destination);
}

/**
 * Look a target up in the root, making it if it is missing.
 *
 * @returns its descriptor
 */
export function targetSteps(
  p: ProgramBuilder,
  root: Ref,
  destination: string,
  kind: "directory" | "file",
  options: { readonly mayFail?: boolean } = {},
): Ref {
  const parts = destination.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "mount",
      subject: destination,
      reason: 'the target contains ".."',
    });
  }
  let found = root;
  parts.forEach((part, index) => {
    const last = index === parts.length - 1;
    if (last && kind === "file") {
      const flags = O.O_WRONLY | O.O_CREAT | O.O_EXCL | O_ARCH.O_NOFOLLOW | O.O_CLOEXEC;
      p.step("openat", [found, part, flags, 0o644], { name: "create target", mayFail: true });
    } else {
      p.step("mkdirat", [found, part, 0o755], { name: "create target", mayFail: true });
    }
    found = p.step("openat2", [root, parts.slice(0, index + 1).join("/"), OPEN_PATH, 24], {
      name: "open target",
      subject: destination,
      ...options,
    });
  });
  return found;
}

/** Open what a path names in the root: with something mounted there, the mount. */
export function openInRoot(p: ProgramBuilder, root: Ref, path: string): Ref {
  return p.step("openat2", [root, path.replace(/^\/+/, "") || ".", OPEN_PATH, 24], {
    name: "open mount",
    subject: path,
  });
}

/** Open a directory of the root. */
export function openDirectoryInRoot(p: ProgramBuilder, root: Ref, path: string): Ref {
  return p.step("openat2", [root, path.replace(/^\/+/, "") || ".", OPEN_DIRECTORY, 24], {
    name: "open directory",
    subject: path,
  });
}

/** Change the attributes of the mount that a descriptor is on. */
export function attributeStep(
  p: ProgramBuilder,
  mount: Ref,
  change: AttributeChange,
  subject: string,
): void {
  const bytes = new Uint8Array(32);
  const words = new Uint32Array(bytes.buffer);
  words[0] = change.set;
  words[2] = change.clear;
  words[4] = change.propagation;
  const flags = AT.AT_EMPTY_PATH | (change.recursive ? AT.AT_RECURSIVE : 0);
  p.step("mount_setattr", [mount, "", flags, bytes, 32], { name: "set mount attributes", subject });
}

/**
 * Mount on a descriptor. A bind mount gets its attributes before it has a place, so that nobody ever
 * sees it without.
 *
 * @returns changes of attributes that are still to be made
 */
function fileSystemSteps(
  p: ProgramBuilder,
  mount: OciMount,
  target: Ref,
): readonly AttributeChange[] {
  const { destination: subject, source = "" } = mount;
  const parsed = parseMountOptions(
    mount.type === "bind" ? ["bind", ...mount.options ?? []] : mount.options,
  );
  const { flags, changes, data } = parsed;
  if (flags & MS.MS_BIND) {
    const recursive = flags & MS.MS_REC ? AT.AT_RECURSIVE : 0;
    const tree = p.step("open_tree", [
      AT.AT_FDCWD,
      source,
      OPEN_TREE_CLONE | O.O_CLOEXEC | recursive,
    ], {
      name: "bind mount",
      subject: source,
    });
    for (const change of changes) attributeStep(p, tree, change, subject);
    moveMount(p, tree, target, "bind mount", subject);
    return [];
  }
  const type = mount.type ?? "none";
  const name = `mount ${type}`;
  const page = type === "overlay" ? overlayData(data) : data.join(",");
  if (new TextEncoder().encode(page).length < DATA_PAGE) {
    // A descriptor cannot be a target, but the working directory can.
    p.step("fchdir", [target], { name, subject });
    p.step("mount", [source === "" ? type : source, ".", type, flags, page], { name, subject });
    return changes;
  }
  contextSteps(p, { type, source, flags, data, subject }, target);
  return changes;
}

/** An overlay with so many lower directories that their names do not fit on a page. */
function contextSteps(
  p: ProgramBuilder,
  mount: {
    readonly type: string;
    readonly source: string;
    readonly flags: number;
    readonly data: readonly string[];
    readonly subject: string;
  },
  target: Ref,
): void {
  const FSCONFIG_SET_FLAG = 0;
  const FSCONFIG_SET_STRING = 1;
  const FSCONFIG_CMD_CREATE = 6;
  const { type, flags, subject } = mount;
  const about = { name: `mount ${type}`, subject };
  const context = p.step("fsopen", [type, 1], about);
  if (mount.source !== "") {
    p.step("fsconfig", [context, FSCONFIG_SET_STRING, "source", mount.source, 0], about);
  }
  for (const option of mount.data) {
    const at = option.indexOf("=");
    if (at < 0) p.step("fsconfig", [context, FSCONFIG_SET_FLAG, option, 0, 0], about);
    else {
      const [key, value] = [option.slice(0, at), option.slice(at + 1)];
      p.step("fsconfig", [context, FSCONFIG_SET_STRING, key, value, 0], about);
    }
  }
  p.step("fsconfig", [context, FSCONFIG_CMD_CREATE, 0, 0, 0], about);
  const attributes = flags & (MS.MS_RDONLY | MS.MS_NOSUID | MS.MS_NODEV | MS.MS_NOEXEC);
  moveMount(p, p.step("fsmount", [context, 1, attributes], about), target, about.name, subject);
}

/** Give a detached mount its place. */
export function moveMount(
  p: ProgramBuilder,
  tree: Ref,
  target: Ref,
  name: string,
  subject: string,
): void {
  const flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  p.step("move_mount", [tree, "", target, "", flags], { name, subject });
}
