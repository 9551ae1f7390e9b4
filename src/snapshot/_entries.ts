/**
 * Making the entries of a layer: files, links, devices, and what they are like.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { CtrError } from "../errors.ts";
import { AT, ERRNO, O, S } from "../linux/mod.ts";
import { O_ARCH, SYS } from "../program/mod.ts";
import { check, cstring, display, fail, openAt, type Status, statusAt } from "./_at.ts";
import { setTimes, setXattrs, setXattrsAt } from "./_metadata.ts";
import { inUserNamespace } from "./_user_namespace.ts";
import { cleanPath, isWhiteout, type Root, splitPath } from "./_root.ts";
import type { TarEntry } from "./tar_reader.ts";

/** Make something new at a name; what is there goes first. */
export function create(root: Root, parent: number, path: string, make: () => number): number {
  let result = make();
  if (result === -ERRNO.EEXIST) {
    root.remove(parent, splitPath(path)[1]);
    result = make();
  }
  return check("unpack", "openat", path, result);
}

/** Create a file that must not exist; only the owner can read it until it has its mode. */
export function openNew(parent: number, name: string): number {
  return openAt(parent, name, O.O_CREAT | O.O_EXCL | O.O_WRONLY | O_ARCH.O_NOFOLLOW, 0o600);
}

/** Whether it can be made: not a device in a user namespace, except for overlayfs's whiteout. */
export function canMake({ type, deviceMajor, deviceMinor }: TarEntry): boolean {
  if (type !== "character" && type !== "block") return true;
  return (type === "character" && deviceMajor === 0 && deviceMinor === 0) || !inUserNamespace();
}

/** A symbolic link, fifo or device. */
export function makeSpecial(parent: number, name: string, e: TarEntry): number {
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
export function encodeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/** Owner, mode and attributes of an open file or directory. */
export function setOwnerAndMode(fd: number, e: TarEntry, path: string): void {
  // In this order: a change of owner clears setuid bits and file capabilities.
  const chown = sys(SYS.fchown, fd, e.uid, e.gid);
  if (chown === -ERRNO.EINVAL) throw unmapped(e);
  check("unpack", "fchown", path, chown);
  check("unpack", "fchmod", path, sys(SYS.fchmod, fd, e.mode));
  if (e.xattrs !== undefined) setXattrs(fd, e.xattrs, path);
}

function unmapped({ path, uid, gid }: TarEntry): CtrError {
  return new CtrError({
    code: "failed_precondition",
    operation: "unpack",
    subject: display(path),
    reason: `its owner ${uid}:${gid} does not exist in this user namespace`,
    hint: "map more user and group IDs: /etc/subuid and /etc/subgid",
  });
}

/** Everything of what cannot be opened. */
export function setLinkMetadata(parent: number, name: string, e: TarEntry, path: string): void {
  const chown = sys(
    SYS.fchownat,
    parent,
    cstring(name),
    e.uid,
    e.gid,
    AT.AT_SYMLINK_NOFOLLOW,
  );
  if (chown === -ERRNO.EINVAL) throw unmapped(e);
  check("unpack", "fchownat", path, chown);
  if (e.type !== "symlink") { // it was made just now, by us, and is no link
    check("unpack", "fchmodat", path, sys(SYS.fchmodat, parent, cstring(name), e.mode));
  }
  if (e.xattrs !== undefined) setXattrsAt(parent, name, e.xattrs, path);
  check("unpack", "utimensat", path, setTimes(parent, name, e.mtimeSec, e.mtimeNs));
}

/** @returns false when the target is not here, but may be in a layer below. */
export function hardlink(
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

/** Write a chunk, however many calls it takes. */
export function writeAll(fd: number, chunk: Uint8Array, path: string): void {
  for (let at = 0; at < chunk.length;) {
    const rest = at === 0 ? chunk : chunk.subarray(at);
    const result = sys(SYS.write, fd, rest, rest.length);
    if (result === -ERRNO.EINTR) continue;
    if (result < 0) throw fail("unpack", "write", path, result);
    at += result;
  }
}
