/**
 * What is not the same in two trees, of which one began as a copy of the other: for snapshotters
 * whose snapshots have everything, and know nothing of changes.
 *
 * A copy has the times of what it was made of, except for the one that nobody can set: `ctime`. Where
 * that says that nothing happened since, nothing is compared. Otherwise it is metadata first, and
 * content only where those are equal.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { AT, S } from "../linux/mod.ts";
import { SYS } from "../program/mod.ts";
import {
  check,
  closeFd,
  openDirectoryAt,
  openFileAt,
  readDirectory,
  type Status,
  statusAt,
  toByteString,
} from "./_at.ts";
import { getXattrs, getXattrsAt } from "./_metadata.ts";
import { readLinkIfThere } from "./_walk.ts";
import type { Usage } from "./types.ts";

/** Paths are clean byte strings. */
export interface TreeChanges {
  /** What is new or not as below, and every directory on the way to it. */
  readonly changed: ReadonlyMap<string, { readonly kind: "added" | "changed"; status: Status }>;
  /** What is only below; of a whole directory its name alone. */
  readonly deleted: ReadonlySet<string>;
}

/** How to {@link compareTrees}. */
export interface CompareOptions {
  /** Paths that are no changes whatever they are. */
  readonly without?: ReadonlySet<string>;
  /** When the copy was finished, in nanoseconds; unknown for one that kept its times. */
  readonly copiedAt?: bigint | undefined;
}

interface Walk extends CompareOptions {
  readonly changed: Map<string, { kind: "added" | "changed"; status: Status }>;
  readonly deleted: Set<string>;
}

const CHUNK = 1 << 18;
const MAX_DEPTH = 1000;

/** Compare the open directory `upper` with `lower`; -1 is an empty one. */
export function compareTrees(
  upper: number,
  lower: number,
  options: CompareOptions = {},
): TreeChanges {
  const walk: Walk = { ...options, changed: new Map(), deleted: new Set() };
  directory(upper, lower, "", walk, 0);
  return walk;
}

/** Disk usage of what is not below, and of the directory itself. */
export function changedUsage(upper: string, lower: string): Usage {
  const open = (path: string): number => {
    const name = toByteString(path);
    return check("measure", "openat", name, openDirectoryAt(AT.AT_FDCWD, name));
  };
  const fd = open(upper);
  const below = open(lower);
  try {
    const root = statusAt(fd, "") as Status;
    let [bytes, inodes] = [root.blocks * 512, 1];
    const seen = new Set<number>();
    for (const { status } of compareTrees(fd, below).changed.values()) {
      if (seen.has(status.ino)) continue;
      if (status.links > 1) seen.add(status.ino);
      bytes += status.blocks * 512;
      inodes++;
    }
    return { bytes, inodes };
  } finally {
    closeFd(fd);
    closeFd(below);
  }
}

/** @returns whether anything in it changed. */
function directory(
  upper: number,
  lower: number,
  path: string,
  walk: Walk,
  depth: number,
): { changes: boolean; hides: boolean } {
  const found = { changes: false, hides: false };
  const seen = new Set<string>();
  for (const { name } of readDirectory(upper, path)) {
    seen.add(name);
    const at = path === "" ? name : `${path}/${name}`;
    if (walk.without?.has(at)) {
      found.hides = true;
      continue;
    }
    const status = statusAt(upper, name);
    if (typeof status === "number" || (status.mode & S.S_IFMT) === S.S_IFSOCK) continue;
    if (entry({ upper, lower, name, status }, at, walk, depth)) found.changes = true;
  }
  if (lower < 0) return found;
  for (const { name } of readDirectory(lower, path)) {
    if (seen.has(name)) continue;
    walk.deleted.add(path === "" ? name : `${path}/${name}`);
    found.changes = true;
  }
  return found;
}

interface Pair {
  readonly upper: number;
  readonly lower: number;
  readonly name: string;
  readonly status: Status;
}

function entry(pair: Pair, path: string, walk: Walk, depth: number): boolean {
  const { upper, lower, name, status } = pair;
  const below = lower < 0 ? -1 : statusAt(lower, name);
  const kind = typeof below === "number" ? "added" : "changed";
  const isDirectory = (status.mode & S.S_IFMT) === S.S_IFDIR;
  if (!isDirectory) {
    if (typeof below !== "number" && same(pair, below, walk)) return false;
    walk.changed.set(path, { kind, status });
    return true;
  }
  const wasDirectory = typeof below !== "number" && (below.mode & S.S_IFMT) === S.S_IFDIR;
  if (depth > MAX_DEPTH) throw new RangeError(`directories are nested too deeply at ${path}`);
  const child = openDirectoryAt(upper, name);
  if (child < 0) return false; // a container that runs has removed it meanwhile
  const before = wasDirectory ? openDirectoryAt(lower, name) : -1;
  try {
    walk.changed.set(path, { kind, status }); // before what is in it
    const { changes, hides } = directory(child, before, path, walk, depth + 1);
    // What a runtime made there changed its time, and that is not to be told.
    const same = wasDirectory && !changes && sameMetadata(status, below, hides) &&
      sameXattrs(getXattrs(child, path), getXattrs(before, path));
    if (same) walk.changed.delete(path);
    return !same;
  } finally {
    closeFd(child);
    if (before >= 0) closeFd(before);
  }
}

function same({ upper, lower, name, status }: Pair, below: Status, { copiedAt }: Walk): boolean {
  const untouched = status.ino === below.ino && status.ctime === below.ctime;
  if (untouched || (copiedAt !== undefined && status.ctime < copiedAt)) return true;
  if (!sameMetadata(status, below, false) || status.links !== below.links) return false;
  const type = status.mode & S.S_IFMT;
  if (type !== S.S_IFREG) {
    if (type === S.S_IFLNK && readLinkIfThere(upper, name) !== readLinkIfThere(lower, name)) {
      return false;
    }
    return sameXattrs(getXattrsAt(upper, name, name), getXattrsAt(lower, name, name));
  }
  const a = openFileAt(upper, name);
  const b = openFileAt(lower, name);
  try {
    return a >= 0 && b >= 0 && sameXattrs(getXattrs(a, name), getXattrs(b, name)) &&
      sameContent(a, b, name);
  } finally {
    for (const fd of [a, b]) if (fd >= 0) closeFd(fd);
  }
}

function sameMetadata(a: Status, b: Status, anyTime: boolean): boolean {
  const isDirectory = (a.mode & S.S_IFMT) === S.S_IFDIR;
  return a.mode === b.mode && a.uid === b.uid && a.gid === b.gid &&
    a.rdevMajor === b.rdevMajor && a.rdevMinor === b.rdevMinor &&
    (isDirectory || a.size === b.size) &&
    (anyTime || (a.mtimeSec === b.mtimeSec && a.mtimeNs === b.mtimeNs));
}

function sameXattrs(
  a: ReadonlyMap<string, Uint8Array>,
  b: ReadonlyMap<string, Uint8Array>,
): boolean {
  if (a.size !== b.size) return false;
  for (const [name, value] of a) {
    const other = b.get(name);
    if (other === undefined || !sameBytes(value, other)) return false;
  }
  return true;
}

function sameContent(a: number, b: number, subject: string): boolean {
  const [one, two] = [new Uint8Array(CHUNK), new Uint8Array(CHUNK)];
  for (let at = 0;;) {
    const got = check("compare", "pread64", subject, sys(SYS.pread64, a, one, CHUNK, at));
    const other = check("compare", "pread64", subject, sys(SYS.pread64, b, two, CHUNK, at));
    if (got !== other || !sameBytes(one.subarray(0, got), two.subarray(0, got))) return false;
    if (got === 0) return true;
    at += got;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
