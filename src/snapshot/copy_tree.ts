/**
 * Copying a directory tree with everything: owners, modes, times, links, devices, attributes.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { AT, O, S } from "../linux/mod.ts";
import { close, O_ARCH, open, SYS } from "../program/mod.ts";
import {
  check,
  closeFd,
  cstring,
  mkdirAt,
  openAt,
  openDirectoryAt,
  readDirectory,
  type Status,
  statusAt,
  toByteString,
} from "./_at.ts";
import { getXattrs, setTimes } from "./_metadata.ts";
import { readLink } from "./_root.ts";

/** First path of an inode that has several names. */
type Links = Map<string, { fd: number; name: string }>;

/**
 * Copy the directory `from` to `to`, which must not exist.
 *
 * @throws {SyscallError} when an operation fails; what was copied so far stays.
 */
export function copyTree(from: string, to: string): void {
  const [above, name] = [to.slice(0, to.lastIndexOf("/")), to.slice(to.lastIndexOf("/") + 1)];
  const parent = open(above, O.O_RDONLY | O_ARCH.O_DIRECTORY);
  const links: Links = new Map();
  try {
    copyDirectory(AT.AT_FDCWD, toByteString(from), parent, toByteString(name), links);
  } finally {
    for (const { fd } of links.values()) closeFd(fd);
    close(parent);
  }
}

function copyDirectory(
  fromFd: number,
  from: string,
  toFd: number,
  to: string,
  links: Links,
): void {
  const source = check("copy", "openat", from, openDirectoryAt(fromFd, from));
  check("copy", "mkdirat", to, mkdirAt(toFd, to, 0o700));
  const target = check("copy", "openat", to, openDirectoryAt(toFd, to));
  try {
    for (const { name } of readDirectory(source, from)) copyEntry(source, target, name, links);
    const status = statusAt(source, "");
    if (typeof status !== "number") copyMetadata(source, target, status, from);
  } finally {
    closeFd(source);
    closeFd(target);
  }
}

function copyEntry(source: number, target: number, name: string, links: Links): void {
  const status = statusAt(source, name);
  if (typeof status === "number") return;
  const type = status.mode & S.S_IFMT;
  if (type === S.S_IFDIR) return copyDirectory(source, name, target, name, links);
  const key = `${status.dev}/${status.ino}`;
  const first = links.get(key);
  const to = cstring(name);
  if (first !== undefined) {
    const result = sys(SYS.linkat, first.fd, cstring(first.name), target, to, 0);
    check("copy", "linkat", name, result);
    return;
  }
  if (type === S.S_IFREG) return copyFile(source, target, name, status, links);
  if (type === S.S_IFLNK) {
    const link = cstring(readLink(source, name));
    check("copy", "symlinkat", name, sys(SYS.symlinkat, link, target, to));
  } else {
    const minor = status.rdevMinor;
    const device = ((minor & 0xff) | (status.rdevMajor << 8) | ((minor & ~0xff) << 12)) >>> 0;
    check("copy", "mknodat", name, sys(SYS.mknodat, target, to, status.mode, device));
  }
  const { uid, gid } = status;
  sys(SYS.fchownat, target, to, uid, gid, AT.AT_SYMLINK_NOFOLLOW);
  if (type !== S.S_IFLNK) sys(SYS.fchmodat, target, to, status.mode & 0o7777);
  setTimes(target, name, status.mtimeSec, status.mtimeNs);
  noteLink(links, key, status, target, name);
}

function copyFile(
  source: number,
  target: number,
  name: string,
  status: Status,
  links: Links,
): void {
  const from = check("copy", "openat", name, openAt(source, name, O_ARCH.O_NOFOLLOW));
  const to = openAt(target, name, O.O_CREAT | O.O_EXCL | O.O_WRONLY, 0o600);
  try {
    check("copy", "openat", name, to);
    for (;;) {
      const copied = sys(SYS.copy_file_range, from, 0, to, 0, 1 << 30, 0);
      if (check("copy", "copy_file_range", name, copied) === 0) break;
    }
    copyMetadata(from, to, status, name);
  } finally {
    closeFd(from);
    if (to >= 0) closeFd(to);
  }
  noteLink(links, `${status.dev}/${status.ino}`, status, target, name);
}

function copyMetadata(from: number, to: number, status: Status, name: string): void {
  check("copy", "fchown", name, sys(SYS.fchown, to, status.uid, status.gid));
  check("copy", "fchmod", name, sys(SYS.fchmod, to, status.mode & 0o7777));
  for (const [key, value] of getXattrs(from, name)) {
    sys(SYS.fsetxattr, to, cstring(key), value, value.length, 0);
  }
  check("copy", "utimensat", name, setTimes(to, "", status.mtimeSec, status.mtimeNs));
}

function noteLink(links: Links, key: string, status: Status, fd: number, name: string): void {
  if (status.links < 2 || links.has(key)) return;
  links.set(key, { fd: check("copy", "openat", name, openDirectoryAt(fd, ".")), name });
}
