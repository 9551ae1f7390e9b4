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
/** Links that `/dev` gets: a mount on one of them goes to where it leads. */
export const DEVICE_LINKS: readonly (readonly [to: string, name: string])[] = [
  ["/proc/self/fd", "fd"],
  ["/proc/self/fd/0", "stdin"],
  ["/proc/self/fd/1", "stdout"],
  ["/proc/self/fd/2", "stderr"],
  ["pts/ptmx", "ptmx"],
];
const LINKS: ReadonlySet<string> = new Set(DEVICE_LINKS.map(([, name]) => name));
export const OPEN_TREE_CLONE = 1;
export const MOVE_MOUNT_F_EMPTY_PATH = 4;
export const MOVE_MOUNT_T_EMPTY_PATH = 0x40;

/** The container's tree while it grows, and what is known of it without a look. */
export interface Tree {
  readonly root: Ref;
  /** Directories that are file systems of our own making, empty at first: what is in them is ours. */
  readonly fresh: Map<string, Ref>;
  /** Where procfs and sysfs are: nothing can be made in them. */
  readonly kernel: string[];
}

/** Mount the root file system on `place` and open it. */
export function rootfsSteps(
  p: ProgramBuilder,
  place: string,
  mounts: readonly RootfsMount[],
): Tree {
  const name = "mount rootfs";
  if (mounts.length === 0) {
    p.step("mount", [place, place, 0, MS.MS_BIND | MS.MS_REC, 0], { name, subject: place });
  }
  const directory = O.O_PATH | O_ARCH.O_DIRECTORY | O.O_CLOEXEC;
  const open = () =>
    p.step("openat", [AT.AT_FDCWD, place, directory, 0], { name: "open rootfs", subject: place });
  let tree: Tree | undefined;
  for (const mount of mounts) {
    const inside = mount.target !== undefined && mount.target !== "/";
    const target = inside
      ? targetSteps(p, tree ??= newTree(open()), mount.target, "directory")
      : open();
    fileSystemSteps(p, { ...mount, destination: mount.target ?? "/" }, target);
    if (!inside) tree = undefined;
  }
  return tree ?? newTree(open());
}

function newTree(root: Ref): Tree {
  return { root, fresh: new Map(), kernel: [] };
}

/** A mount of the spec. `sourceKind` says what a bind mount's source is: the target is made alike. */
export function mountSteps(
  p: ProgramBuilder,
  tree: Tree,
  mount: OciMount,
  sourceKind: "directory" | "file",
): void {
  const { destination, type } = mount;
  const target = targetSteps(p, tree, destination, sourceKind);
  const changes = fileSystemSteps(p, mount, target);
  const place = normalPath(destination);
  forget(tree, place);
  if (type === "sysfs" || type === "proc") tree.kernel.push(`${place}/`);
  if (changes.length === 0) return;
  const mounted = openInRoot(p, tree, destination);
  for (const change of changes) attributeStep(p, mounted, change, destination);
}

/** What is mounted over a place hides what was known of it and of all below. */
function forget(tree: Tree, place: string): void {
  const hidden = (path: string) => path === place || path.startsWith(`${place}/`);
  for (const path of [...tree.fresh.keys()]) if (hidden(path)) tree.fresh.delete(path);
  const kept = tree.kernel.filter((path) => !hidden(path));
  tree.kernel.splice(0, tree.kernel.length, ...kept);
}

/** Without doubled slashes and dots. */
export function normalPath(path: string): string {
  return "/" + path.split("/").filter((part) => part !== "" && part !== ".").join("/");
}

/** Remember that a file system of our own was mounted there a moment ago, and open it. */
export function freshSteps(p: ProgramBuilder, tree: Tree, path: string): Ref {
  const opened = p.step("openat2", [tree.root, inRoot(path), OPEN_DIRECTORY, 24], {
    name: "open directory",
    subject: path,
  });
  tree.fresh.set(normalPath(path), opened);
  return opened;
}

/**
 * Look a target up in the root, making it if it is missing.
 *
 * @returns its descriptor
 */
export function targetSteps(
  p: ProgramBuilder,
  tree: Tree,
  destination: string,
  kind: "directory" | "file",
  options: { readonly mayFail?: boolean } = {},
): Ref {
  const path = normalPath(destination);
  const parts = path === "/" ? [] : path.slice(1).split("/");
  if (parts.includes("..")) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "mount",
      subject: destination,
      reason: 'the target contains ".."',
    });
  }
  const about = { name: "open target", subject: destination, ...options };
  const name = parts[parts.length - 1] ?? "";
  const fresh = tree.fresh.get(path.slice(0, path.lastIndexOf("/")));
  if (fresh !== undefined && !LINKS.has(name)) {
    createStep(p, fresh, name, kind);
    return p.step("openat", [fresh, name, O.O_PATH | O_ARCH.O_NOFOLLOW | O.O_CLOEXEC, 0], about);
  }
  if (tree.kernel.some((place) => path.startsWith(place))) {
    return p.step("openat2", [tree.root, path.slice(1), OPEN_PATH, 24], about);
  }
  let found = tree.root;
  parts.forEach((part, index) => {
    const last = index === parts.length - 1;
    createStep(p, found, part, last ? kind : "directory");
    const path = parts.slice(0, index + 1).join("/");
    found = p.step("openat2", [tree.root, path, OPEN_PATH, 24], about);
  });
  return found;
}

/** Make a target where there is none. */
function createStep(p: ProgramBuilder, parent: Ref, name: string, kind: "directory" | "file") {
  const about = { name: "create target", mayFail: true };
  if (kind === "directory") p.step("mkdirat", [parent, name, 0o755], about);
  else {
    const flags = O.O_WRONLY | O.O_CREAT | O.O_EXCL | O_ARCH.O_NOFOLLOW | O.O_CLOEXEC;
    p.step("openat", [parent, name, flags, 0o644], about);
  }
}

/** Open what a path names in the root: with something mounted there, the mount. */
export function openInRoot(p: ProgramBuilder, tree: Tree, path: string): Ref {
  return p.step("openat2", [tree.root, inRoot(path), OPEN_PATH, 24], {
    name: "open mount",
    subject: path,
  });
}

function inRoot(path: string): string {
  return path.replace(/^\/+/, "") || ".";
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
