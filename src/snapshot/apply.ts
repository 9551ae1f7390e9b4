/**
 * Layer to directory: unpacks a layer's tar into a root, as containerd and Docker do.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/layer.md
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { CtrError } from "../errors.ts";
import { AT, ERRNO, O, S } from "../linux/mod.ts";
import { O_ARCH, SYS } from "../program/mod.ts";
import {
  check,
  closeFd,
  cstring,
  display,
  DT_DIR,
  fail,
  openAt,
  openDirectoryAt,
  readDirectory,
  type Status,
  statusAt,
} from "./_at.ts";
import { setOpaque, setTimes, setXattrs, setXattrsAt } from "./_metadata.ts";
import { cleanPath, isWhiteout, openRoot, type Root, splitPath } from "./_root.ts";
import { type TarEntry, tarReader } from "./tar_reader.ts";
import type { Usage } from "./types.ts";

const WHITEOUT = ".wh.";
const WHITEOUT_META = ".wh..wh.";
const OPAQUE = ".wh..wh..opq";

/** What came of a layer. */
export interface ApplyResult {
  readonly usage: Usage;
  /** Directories made for entries below them that the layer does not list itself; byte strings. */
  readonly implied: readonly string[];
  /** Whether the layer lists its root directory. */
  readonly hasRoot: boolean;
  /**
   * Set when the layer cannot be unpacked without those below it: a hard link to a file of theirs,
   * or an opaque root. What was unpacked is then incomplete.
   */
  readonly needsLower: boolean;
}

/** Unpacks an archive that comes in chunks of any size. */
export interface Applier {
  /** @throws {CtrError} for a malformed archive; {@link SyscallError} for a failed operation. */
  push(chunk: Uint8Array): void;
  end(): ApplyResult;
  /** Close descriptors after a failure, or after `end`. What was unpacked stays. */
  close(): void;
}

/** Where and how to unpack. */
export interface ApplyOptions {
  /** A directory, or its descriptor, which is then closed with the applier. */
  readonly root: string | number;
  readonly whiteouts: "overlay" | "delete";
}

/** Start to unpack a layer. */
export function applier(options: ApplyOptions): Applier {
  const root = openRoot(options.root);
  const overlay = options.whiteouts === "overlay";
  /** Real paths of this layer: whiteouts delete only what is of lower ones. Overlay needs none. */
  const own = overlay ? undefined : new Set<string>();
  const directoryTimes = new Map<string, TarEntry>();
  let bytes = 0;
  let inodes = 0;
  let hasRoot = false;
  let needsLower = false;
  let file = -1;
  let current: TarEntry | undefined;

  const entry = (e: TarEntry): void => {
    current = e;
    root.recycle();
    if (needsLower) return;
    const path = cleanPath(e.path);
    if (path === "") return applyRoot(e);
    if (path.startsWith(WHITEOUT_META) && path !== OPAQUE) return; // aufs's own bookkeeping
    const [above, name] = splitPath(path);
    if (name.startsWith(WHITEOUT)) return whiteout(above, name, path);
    inodes++;
    const parent = root.directory(above);
    if (own !== undefined) noteOwn(own, below(root.realPath(above, parent), name));
    if (e.type === "directory") {
      const fd = root.makeDirectory(path, parent, name);
      root.implied.delete(path);
      setOwnerAndMode(fd, e, path);
      directoryTimes.set(path, e);
      return;
    }
    directoryTimes.delete(path);
    if (e.type === "file") {
      file = create(root, parent, path, () => openNew(parent, name));
    } else if (e.type === "hardlink") {
      needsLower = !hardlink(root, parent, name, path, e.link, overlay);
    } else {
      create(root, parent, path, () => makeSpecial(parent, name, e));
      setLinkMetadata(parent, name, e, path);
    }
  };

  const applyRoot = (e: TarEntry): void => {
    if (e.type !== "directory") throw hostile(e.path, "it would replace the root directory");
    hasRoot = true;
    setOwnerAndMode(root.fd, e, "/");
    directoryTimes.set("", e);
  };

  const whiteout = (above: string, name: string, path: string): void => {
    if (name === OPAQUE && above === "" && overlay) {
      needsLower = true; // overlayfs has no opaque root
      return;
    }
    if (name === OPAQUE) {
      const directory = root.directory(above);
      if (own === undefined) {
        const fd = check("unpack", "openat", path, openDirectoryAt(directory, "."));
        try {
          setOpaque(fd, above);
        } finally {
          closeFd(fd);
        }
      } else {
        deleteForeign(root, own, root.realPath(above, directory), directory);
      }
      return;
    }
    if (name.startsWith(WHITEOUT_META)) return;
    const hidden = name.slice(WHITEOUT.length);
    if (hidden === "" || hidden === "." || hidden === "..") {
      throw hostile(path, "it is a whiteout of nothing");
    }
    if (own !== undefined) {
      const directory = root.existing(above);
      if (directory < 0) return;
      const target = below(root.realPath(above, directory), hidden);
      if (!own.has(target)) root.remove(directory, hidden);
      else deleteForeignBelow(root, own, target, directory, hidden);
      return;
    }
    hideInOverlay(root.directory(above), hidden, path);
  };

  const reader = tarReader({
    entry,
    data: (chunk) => {
      if (file < 0) return;
      bytes += chunk.length;
      writeAll(file, chunk, current!.path);
    },
    end: () => {
      if (file < 0) return;
      const path = current!.path;
      setOwnerAndMode(file, current!, path);
      const { mtimeSec, mtimeNs } = current!;
      check("unpack", "utimensat", path, setTimes(file, "", mtimeSec, mtimeNs));
      closeFd(file);
      file = -1;
    },
  });

  return {
    push: reader.push,
    end: () => {
      reader.end();
      // Last, because each entry that was added to a directory changed its times; deepest first is
      // not needed, since setting times changes no parent's.
      for (const [path, e] of directoryTimes) {
        const fd = root.existing(path);
        if (fd < 0) continue;
        const name = path === "" ? "" : ".";
        check("unpack", "utimensat", path, setTimes(fd, name, e.mtimeSec, e.mtimeNs));
      }
      return { usage: { bytes, inodes }, implied: [...root.implied], hasRoot, needsLower };
    },
    close: () => {
      if (file >= 0) closeFd(file);
      file = -1;
      root.close();
    },
  };
}

/** Make something new at a name; what is there goes first. */
function create(root: Root, parent: number, path: string, make: () => number): number {
  let result = make();
  if (result === -ERRNO.EEXIST) {
    root.remove(parent, splitPath(path)[1]);
    result = make();
  }
  return check("unpack", "openat", path, result);
}

function openNew(parent: number, name: string): number {
  return openAt(parent, name, O.O_CREAT | O.O_EXCL | O.O_WRONLY | O_ARCH.O_NOFOLLOW, 0o600);
}

function makeSpecial(parent: number, name: string, e: TarEntry): number {
  switch (e.type) {
    case "symlink":
      return sys(SYS.symlinkat, cstring(e.link), parent, cstring(name));
    case "fifo":
      return sys(SYS.mknodat, parent, cstring(name), S.S_IFIFO | 0o600, 0);
    default: {
      const type = e.type === "block" ? S.S_IFBLK : S.S_IFCHR;
      const device = encodeDevice(e.deviceMajor, e.deviceMinor);
      return sys(SYS.mknodat, parent, cstring(name), type | 0o600, device);
    }
  }
}

/** The kernel's `new_encode_dev`, which mknod(2) takes: 12 bits of major, 20 of minor. */
function encodeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

function setOwnerAndMode(fd: number, e: TarEntry, path: string): void {
  // In this order: a change of owner clears setuid bits and file capabilities.
  check("unpack", "fchown", path, sys(SYS.fchown, fd, e.uid, e.gid));
  check("unpack", "fchmod", path, sys(SYS.fchmod, fd, e.mode));
  if (e.xattrs !== undefined) setXattrs(fd, e.xattrs, path);
}

function setLinkMetadata(parent: number, name: string, e: TarEntry, path: string): void {
  const chown = sys(
    SYS.fchownat,
    parent,
    cstring(name),
    e.uid,
    e.gid,
    AT.AT_SYMLINK_NOFOLLOW,
  );
  check("unpack", "fchownat", path, chown);
  if (e.type !== "symlink") { // it was made just now, by us, and is no link
    check("unpack", "fchmodat", path, sys(SYS.fchmodat, parent, cstring(name), e.mode));
  }
  if (e.xattrs !== undefined) setXattrsAt(parent, name, e.xattrs, path);
  check("unpack", "utimensat", path, setTimes(parent, name, e.mtimeSec, e.mtimeNs));
}

/** @returns false when the target is not here, but may be in a layer below. */
function hardlink(
  root: Root,
  parent: number,
  name: string,
  path: string,
  link: string,
  mayBeBelow: boolean,
): boolean {
  const target = cleanPath(link);
  const [above, targetName] = splitPath(target);
  const directory = target === "" ? -ERRNO.ENOENT : root.existing(above);
  const status = directory < 0 ? directory : statusAt(directory, targetName);
  if (typeof status === "number" || (mayBeBelow && isWhiteout(status))) {
    if (mayBeBelow && target !== "") return false;
    throw new CtrError({
      code: "data_loss",
      operation: "unpack",
      subject: display(path),
      reason: `the target of the hard link, ${JSON.stringify(display(link))}, does not exist`,
    });
  }
  const there = statusAt(parent, name);
  if (typeof there !== "number" && sameFile(there, status)) return true;
  create(
    root,
    parent,
    path,
    () => sys(SYS.linkat, directory, cstring(targetName), parent, cstring(name), 0),
  );
  return true;
}

function sameFile(a: Status, b: Status): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}

/** In an overlay's upper directory: a whiteout, or, where this layer made it anew, opaqueness. */
function hideInOverlay(parent: number, name: string, path: string): void {
  const result = sys(SYS.mknodat, parent, cstring(name), S.S_IFCHR, 0);
  if (result !== -ERRNO.EEXIST) {
    check("unpack", "mknodat", path, result);
    return;
  }
  const fd = openDirectoryAt(parent, name);
  if (fd < 0) return; // this layer's own file, which hides what is below anyway
  try {
    setOpaque(fd, path);
  } finally {
    closeFd(fd);
  }
}

function below(directory: string, name: string): string {
  return directory === "" ? name : `${directory}/${name}`;
}

function noteOwn(own: Set<string>, path: string): void {
  for (let p = path; p !== "" && !own.has(p); [p] = splitPath(p)) own.add(p);
}

/** Delete what is in a directory and not of this layer. */
function deleteForeign(
  root: Root,
  own: ReadonlySet<string>,
  path: string,
  directory: number,
): void {
  const fd = check("unpack", "openat", path, openDirectoryAt(directory, "."));
  try {
    for (const { name, type } of readDirectory(fd, path)) {
      const child = below(path, name);
      if (!own.has(child)) root.remove(fd, name);
      else if (type === DT_DIR) deleteForeignBelow(root, own, child, fd, name);
    }
  } finally {
    closeFd(fd);
  }
}

function deleteForeignBelow(
  root: Root,
  own: ReadonlySet<string>,
  path: string,
  parent: number,
  name: string,
): void {
  const fd = openDirectoryAt(parent, name);
  if (fd === -ERRNO.ENOTDIR || fd === -ERRNO.ELOOP || fd === -ERRNO.ENOENT) return;
  check("unpack", "openat", path, fd);
  try {
    deleteForeign(root, own, path, fd);
  } finally {
    closeFd(fd);
  }
}

function writeAll(fd: number, chunk: Uint8Array, path: string): void {
  for (let at = 0; at < chunk.length;) {
    const rest = at === 0 ? chunk : chunk.subarray(at);
    const result = sys(SYS.write, fd, rest, rest.length);
    if (result === -ERRNO.EINTR) continue;
    if (result < 0) throw fail("unpack", "write", path, result);
    at += result;
  }
}

function hostile(path: string, reason: string): CtrError {
  return new CtrError({
    code: "invalid_argument",
    operation: "unpack",
    subject: display(path),
    reason,
  });
}
