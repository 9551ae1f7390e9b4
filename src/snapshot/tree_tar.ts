/**
 * A directory tree as a tar archive: names sorted, so that the same tree gives the same bytes. With
 * `changes`, it is that of an overlay's upper directory, and becomes a layer: overlayfs's marks turn
 * into OCI's whiteouts.
 *
 * The tree may change while it is read: what vanishes is left out, and a file has the size that it
 * had when it was found.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/layer.md#representing-changes
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { CtrError } from "../errors.ts";
import { ERRNO, S } from "../linux/mod.ts";
import { SYS } from "../program/mod.ts";
import {
  check,
  closeFd,
  display,
  openDirectoryAt,
  openFileAt,
  readDirectory,
  type Status,
  statusAt,
} from "./_at.ts";
import { getXattrs, getXattrsAt, isReserved } from "./_metadata.ts";
import { isWhiteout, splitPath } from "./_root.ts";
import { overlayPrefix } from "./_user_namespace.ts";
import { readLinkIfThere } from "./_walk.ts";
import type { TreeChanges } from "./compare_trees.ts";
import { TAR_END, tarHeader, tarPadding } from "./tar_writer.ts";
import type { TarType } from "./tar_header.ts";

const CHUNK = 1 << 20;
/** Deeper than any sane tree, shallower than the limit of open descriptors. */
const MAX_DEPTH = 1000;

/** How to {@link tarOfTree}. */
export interface TreeTarOptions {
  /**
   * The archive is a layer: of an overlay's upper directory, or of what is known to have changed in
   * a whole tree.
   */
  readonly changes?: boolean | TreeChanges;
  /** Paths that are left out, clean. */
  readonly without?: ReadonlySet<string>;
}

interface Walk {
  readonly isLayer: boolean;
  readonly without: ReadonlySet<string> | undefined;
  readonly only: ReadonlyMap<string, unknown> | undefined;
  /** Names that are gone, by directory. */
  readonly deleted: ReadonlyMap<string, readonly string[]>;
  /** First path of a file that has several names. */
  readonly links: Map<string, string>;
}

/** The archive of an open directory's tree, without its root where nothing is in it. */
export function* tarOfTree(fd: number, options: TreeTarOptions = {}): Generator<Uint8Array, void> {
  const changes = typeof options.changes === "object" ? options.changes : undefined;
  const isLayer = options.changes !== undefined && options.changes !== false;
  const walk: Walk = {
    isLayer,
    without: options.without,
    only: changes?.changed,
    deleted: byDirectory(changes?.deleted ?? new Set()),
    links: new Map(),
  };
  let first = true;
  for (const chunk of directory(fd, "", walk, 0)) {
    if (first && isLayer) {
      const status = statusAt(fd, "");
      if (typeof status !== "number") {
        yield header("./", "directory", status, xattrsOf(getXattrs(fd, ""), "", true));
        if (isOpaque(fd)) yield whiteout(".wh..wh..opq");
      }
    }
    first = false;
    yield chunk;
  }
  yield TAR_END;
}

function* directory(
  fd: number,
  path: string,
  walk: Walk,
  depth: number,
): Generator<Uint8Array, void> {
  if (depth > MAX_DEPTH) throw unfit(path, "directories are nested too deeply");
  const names = readDirectory(fd, path).map(({ name }) => name).sort();
  for (const name of walk.deleted.get(path) ?? []) {
    yield whiteout(path === "" ? `.wh.${name}` : `${path}/.wh.${name}`);
  }
  for (const name of names) {
    const below = path === "" ? name : `${path}/${name}`;
    if (walk.without?.has(below) || walk.only?.has(below) === false) continue;
    const status = statusAt(fd, name);
    if (typeof status === "number") continue;
    if (walk.isLayer) {
      if (walk.only === undefined && isWhiteout(status)) {
        yield whiteout(path === "" ? `.wh.${name}` : `${path}/.wh.${name}`);
        continue;
      }
      if (name.startsWith(".wh.")) throw unfit(below, "a layer would take it for a whiteout");
    }
    yield* member(fd, name, below, status, walk, depth);
  }
}

function* member(
  parent: number,
  name: string,
  path: string,
  status: Status,
  walk: Walk,
  depth: number,
): Generator<Uint8Array, void> {
  const type = typeOf(status);
  if (type === undefined) return; // a socket is nothing without its program
  if (type === "directory") {
    const fd = openDirectoryAt(parent, name);
    if (fd < 0) return;
    try {
      const xattrs = getXattrs(fd, path);
      yield header(path, type, status, xattrsOf(xattrs, path, walk.isLayer));
      if (walk.isLayer && walk.only === undefined && isOpaque(fd)) {
        yield whiteout(`${path}/.wh..wh..opq`);
      }
      yield* directory(fd, path, walk, depth + 1);
    } finally {
      closeFd(fd);
    }
    return;
  }
  if (status.links > 1) {
    const key = `${status.dev}/${status.ino}`;
    const first = walk.links.get(key);
    if (first !== undefined) {
      yield header(path, "hardlink", status, undefined, first);
      return;
    }
    walk.links.set(key, path);
  }
  if (type === "file") {
    const there = yield* file(parent, name, path, status, walk);
    if (!there) walk.links.delete(`${status.dev}/${status.ino}`);
  } else {
    const link = type === "symlink" ? readLinkIfThere(parent, name) : "";
    if (link === undefined) {
      walk.links.delete(`${status.dev}/${status.ino}`);
      return;
    }
    const xattrs = getXattrsAt(parent, name, path);
    yield header(path, type, status, xattrsOf(xattrs, path, walk.isLayer), link);
  }
}

/** @returns whether it was still there. */
function* file(
  parent: number,
  name: string,
  path: string,
  status: Status,
  walk: Walk,
): Generator<Uint8Array, boolean> {
  const fd = openFileAt(parent, name);
  if (fd === -ERRNO.ENOENT || fd === -ERRNO.ENXIO) return false;
  check("archive", "openat", path, fd);
  try {
    yield header(path, "file", status, xattrsOf(getXattrs(fd, path), path, walk.isLayer));
    let left = status.size;
    while (left > 0) {
      const buffer = new Uint8Array(Math.min(CHUNK, left));
      const got = check("archive", "read", path, sys(SYS.read, fd, buffer, buffer.length));
      if (got === 0) break;
      yield buffer.subarray(0, got);
      left -= got;
    }
    for (; left > 0; left -= Math.min(CHUNK, left)) yield new Uint8Array(Math.min(CHUNK, left));
    yield tarPadding(status.size);
    return true;
  } finally {
    closeFd(fd);
  }
}

function byDirectory(paths: ReadonlySet<string>): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const path of [...paths].sort()) {
    const [directory, name] = splitPath(path);
    const names = found.get(directory);
    if (names === undefined) found.set(directory, [name]);
    else names.push(name);
  }
  return found;
}

function typeOf({ mode }: Status): TarType | undefined {
  switch (mode & S.S_IFMT) {
    case S.S_IFREG:
      return "file";
    case S.S_IFDIR:
      return "directory";
    case S.S_IFLNK:
      return "symlink";
    case S.S_IFCHR:
      return "character";
    case S.S_IFBLK:
      return "block";
    case S.S_IFIFO:
      return "fifo";
    default:
      return undefined;
  }
}

function header(
  path: string,
  type: TarType,
  { mode, uid, gid, size, mtimeSec, rdevMajor, rdevMinor }: Status,
  xattrs: ReadonlyMap<string, Uint8Array> | undefined,
  link = "",
): Uint8Array {
  const isDevice = type === "character" || type === "block";
  return tarHeader({
    path,
    type,
    link,
    mode: mode & 0o7777,
    uid,
    gid,
    size: type === "file" ? size : 0,
    mtimeSec, // without the fraction, as layers have it everywhere
    ...isDevice ? { deviceMajor: rdevMajor, deviceMinor: rdevMinor } : {},
    xattrs,
  });
}

function whiteout(path: string): Uint8Array {
  return tarHeader({ path, type: "file", mode: 0 });
}

/** Without overlayfs's own, of which some mean that the directory is elsewhere. */
function xattrsOf(
  found: Map<string, Uint8Array>,
  path: string,
  changes: boolean,
): Map<string, Uint8Array> {
  for (const name of [...found.keys()]) {
    if (!isReserved(name)) continue;
    found.delete(name);
    if (changes && /\.(redirect|metacopy)$/.test(name)) {
      throw unfit(path, `overlayfs keeps a part of it elsewhere (${name})`);
    }
  }
  return found;
}

/** Whether a directory of an overlay's upper layer hides those below. */
export function isOpaque(fd: number): boolean {
  return getXattrs(fd, "").get(`${overlayPrefix()}opaque`)?.[0] === 0x79; // "y"
}

function unfit(path: string, reason: string): CtrError {
  const subject = display(path);
  return new CtrError({ code: "failed_precondition", operation: "archive", subject, reason });
}
