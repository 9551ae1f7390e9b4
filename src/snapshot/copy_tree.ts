/**
 * Copying a directory tree with everything: owners, modes, times, links, devices, attributes.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { AT, ERRNO, O, S } from "../linux/mod.ts";
import { SYS } from "../program/mod.ts";
import {
  check,
  closeFd,
  cstring,
  fail,
  mkdirAt,
  openAt,
  openDirectoryAt,
  openFileAt,
  readDirectory,
  type Status,
  statusAt,
  toByteString,
} from "./_at.ts";
import { copyData } from "./_copy_data.ts";
import { encodeDevice } from "./_entries.ts";
import { getXattrs, getXattrsAt, setTimes, setXattrsAt } from "./_metadata.ts";
import { readLink } from "./_walk.ts";
import { below } from "./_whiteout.ts";

interface Copy {
  /** The new root directory. */
  readonly root: number;
  /** First path of an inode that has several names. */
  readonly links: Map<string, string>;
}

/**
 * Copy the directory `from` to `to`, which must not exist.
 *
 * @throws {SyscallError} when an operation fails; what was copied so far stays.
 */
export function copyTree(from: string, to: string): void {
  const [source, target] = [toByteString(from), toByteString(to)];
  const fd = check("copy", "openat", source, openDirectoryAt(AT.AT_FDCWD, source));
  try {
    check("copy", "mkdirat", target, mkdirAt(AT.AT_FDCWD, target, 0o700));
    const root = check("copy", "openat", target, openDirectoryAt(AT.AT_FDCWD, target));
    try {
      copyContent(fd, root, "", { root, links: new Map() });
    } finally {
      closeFd(root);
    }
  } finally {
    closeFd(fd);
  }
}

function copyContent(source: number, target: number, path: string, copy: Copy): void {
  for (const { name } of readDirectory(source, path)) {
    copyEntry(source, target, name, below(path, name), copy);
  }
  const status = statusAt(source, "");
  if (typeof status !== "number") copyMetadata(source, target, status, path);
}

function copyDirectory(from: number, to: number, name: string, path: string, copy: Copy): void {
  const source = check("copy", "openat", path, openDirectoryAt(from, name));
  try {
    check("copy", "mkdirat", path, mkdirAt(to, name, 0o700));
    const target = check("copy", "openat", path, openDirectoryAt(to, name));
    try {
      copyContent(source, target, path, copy);
    } finally {
      closeFd(target);
    }
  } finally {
    closeFd(source);
  }
}

function copyEntry(source: number, target: number, name: string, path: string, copy: Copy): void {
  const status = statusAt(source, name);
  if (typeof status === "number") return;
  const type = status.mode & S.S_IFMT;
  if (type === S.S_IFDIR) return copyDirectory(source, target, name, path, copy);
  const to = cstring(name);
  if (status.links > 1) {
    const key = `${status.dev}/${status.ino}`;
    const first = copy.links.get(key);
    if (first === undefined) copy.links.set(key, path);
    else {
      // Nothing but directories is on the way: this tree is ours alone.
      const result = sys(SYS.linkat, copy.root, cstring(first), target, to, 0);
      if (result >= 0) return;
      if (result !== -ERRNO.ENAMETOOLONG && result !== -ERRNO.EMLINK) {
        throw fail("copy", "linkat", path, result);
      }
    }
  }
  if (type === S.S_IFREG) return copyFile(source, target, name, status);
  if (type === S.S_IFLNK) {
    const link = cstring(readLink(source, name));
    check("copy", "symlinkat", path, sys(SYS.symlinkat, link, target, to));
  } else {
    const device = encodeDevice(status.rdevMajor, status.rdevMinor);
    check("copy", "mknodat", path, sys(SYS.mknodat, target, to, status.mode, device));
  }
  const { uid, gid } = status;
  check("copy", "fchownat", path, sys(SYS.fchownat, target, to, uid, gid, AT.AT_SYMLINK_NOFOLLOW));
  if (type !== S.S_IFLNK) {
    check("copy", "fchmodat", path, sys(SYS.fchmodat, target, to, status.mode & 0o7777));
  }
  setXattrsAt(target, name, getXattrsAt(source, name, path), path);
  check("copy", "utimensat", path, setTimes(target, name, status.mtimeSec, status.mtimeNs));
}

function copyFile(source: number, target: number, name: string, status: Status): void {
  const from = check("copy", "openat", name, openFileAt(source, name));
  const to = openAt(target, name, O.O_CREAT | O.O_EXCL | O.O_WRONLY, 0o600);
  try {
    check("copy", "openat", name, to);
    copyData(from, to, status.size, name);
    copyMetadata(from, to, status, name);
  } finally {
    closeFd(from);
    if (to >= 0) closeFd(to);
  }
}

function copyMetadata(from: number, to: number, status: Status, name: string): void {
  check("copy", "fchown", name, sys(SYS.fchown, to, status.uid, status.gid));
  check("copy", "fchmod", name, sys(SYS.fchmod, to, status.mode & 0o7777));
  for (const [key, value] of getXattrs(from, name)) {
    sys(SYS.fsetxattr, to, cstring(key), value, value.length, 0);
  }
  check("copy", "utimensat", name, setTimes(to, "", status.mtimeSec, status.mtimeNs));
}
