/**
 * The steps that find the places in a container's root where things are mounted, and make them.
 *
 * Whatever the image contains is hostile: places are looked up with `openat2(RESOLVE_IN_ROOT)` from
 * the root's descriptor (CVE-2021-30465).
 *
 * @module
 */

import { O, RESOLVE } from "../linux/mod.ts";
import { O_ARCH, openHow, type ProgramBuilder, type Ref } from "../program/mod.ts";

const IN_ROOT = RESOLVE.RESOLVE_IN_ROOT | RESOLVE.RESOLVE_NO_MAGICLINKS;
const OPEN_PATH = openHow(O.O_PATH | O.O_CLOEXEC, IN_ROOT);
const OPEN_DIRECTORY = openHow(O.O_PATH | O_ARCH.O_DIRECTORY | O.O_CLOEXEC, IN_ROOT);
const OPEN_ORDINARY = openHow(
  O.O_PATH | O_ARCH.O_DIRECTORY | O_ARCH.O_NOFOLLOW | O.O_CLOEXEC,
  IN_ROOT,
);
/** Links that `/dev` gets: a mount on one of them goes to where it leads. */
export const DEVICE_LINKS: readonly (readonly [to: string, name: string])[] = [
  ["/proc/self/fd", "fd"],
  ["/proc/self/fd/0", "stdin"],
  ["/proc/self/fd/1", "stdout"],
  ["/proc/self/fd/2", "stderr"],
  ["pts/ptmx", "ptmx"],
  ["/proc/kcore", "core"],
];
const LINKS: ReadonlySet<string> = new Set(DEVICE_LINKS.map(([, name]) => name));

/** What is to be copied before anything else is mounted. */
export interface CopyUp {
  readonly from: Ref;
  readonly to: Ref;
  readonly destination: string;
}

/** The container's tree while it grows, and what is known of it without a look. */
export interface Tree {
  readonly root: Ref;
  /** Directories that are file systems of our own making, empty at first: what is in them is ours. */
  readonly fresh: Map<string, Ref>;
  /** Where procfs and sysfs are: nothing can be made in them. */
  readonly kernel: string[];
  /** Mounts that become read-only when everything is in them. */
  readonly readonlyLater: string[];
  /** Called for a new tmpfs that is to have what was there: the steps by which it comes to it. */
  copyUp?: (copy: CopyUp) => void;
  /** The SELinux label of what is mounted; empty: none. */
  label: string;
}

/** A tree of which nothing is known but where it begins. */
export function newTree(root: Ref): Tree {
  return { root, fresh: new Map(), kernel: [], readonlyLater: [], label: "" };
}

/** What is mounted over a place hides what was known of it and of all below. */
export function forget(tree: Tree, place: string): void {
  const hidden = (path: string) => path === place || path.startsWith(`${place}/`);
  for (const path of [...tree.fresh.keys()]) if (hidden(path)) tree.fresh.delete(path);
  for (const list of [tree.kernel, tree.readonlyLater]) {
    list.splice(0, list.length, ...list.filter((path) => !hidden(path)));
  }
}

/** Absolute, and without doubled slashes and dots: nothing is above the root. */
export function normalPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return "/" + parts.join("/");
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

/** How a target is looked up. */
export interface TargetOptions {
  readonly mayFail?: boolean;
  /** It must be a directory itself, not a link to one. */
  readonly ordinary?: boolean;
  /** The mode of a directory that is made. */
  readonly mode?: number;
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
  { mayFail = false, ordinary = false, mode = 0o755 }: TargetOptions = {},
): Ref {
  const path = normalPath(destination);
  const parts = path === "/" ? [] : path.slice(1).split("/");
  const about = { name: "open target", subject: destination, mayFail };
  const create = (parent: Ref, name: string, kind: "directory" | "file", mode: number) =>
    createStep(p, { parent, name, kind, mode, subject: destination });
  const name = parts[parts.length - 1] ?? "";
  const fresh = tree.fresh.get(path.slice(0, path.lastIndexOf("/")));
  if (fresh !== undefined && !LINKS.has(name)) {
    const maker = create(fresh, name, kind, mode);
    const flags = O.O_PATH | O_ARCH.O_NOFOLLOW | O.O_CLOEXEC;
    return p.step("openat", [fresh, name, flags, 0], { ...about, maker });
  }
  const last = ordinary ? OPEN_ORDINARY : OPEN_PATH;
  if (tree.kernel.some((place) => path.startsWith(place))) {
    return p.step("openat2", [tree.root, path.slice(1), last, 24], about);
  }
  let found = tree.root;
  parts.forEach((part, index) => {
    const inner = index < parts.length - 1;
    const maker = create(found, part, inner ? "directory" : kind, inner ? 0o755 : mode);
    const path = parts.slice(0, index + 1).join("/");
    const how = inner ? OPEN_PATH : last;
    found = p.step("openat2", [tree.root, path, how, 24], { ...about, maker });
  });
  return found;
}

/** Make a target where there is none. */
function createStep(p: ProgramBuilder, { parent, name, kind, mode, subject }: {
  readonly parent: Ref;
  readonly name: string;
  readonly kind: "directory" | "file";
  readonly mode: number;
  readonly subject: string;
}): Ref {
  const about = { name: "create target", subject, mayFail: true };
  if (kind === "directory") return p.step("mkdirat", [parent, name, mode], about);
  // Nothing that is open to write: it would keep the root from becoming read-only.
  const flags = O.O_RDONLY | O.O_CREAT | O.O_EXCL | O_ARCH.O_NOFOLLOW | O.O_CLOEXEC;
  return p.step("openat", [parent, name, flags, 0o644], about);
}

/** Open what a path names in the root: with something mounted there, the mount. */
export function openInRoot(p: ProgramBuilder, tree: Tree, path: string): Ref {
  return p.step("openat2", [tree.root, inRoot(path), OPEN_PATH, 24], {
    name: "open mount",
    subject: path,
  });
}

function inRoot(path: string): string {
  return normalPath(path).slice(1) || ".";
}
