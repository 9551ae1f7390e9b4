/**
 * Owner, mode, times and extended attributes of files, on descriptors.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { AT, ERRNO } from "../linux/mod.ts";
import { SYS } from "../program/mod.ts";
import type { CtrError } from "../errors.ts";
import { check, cstring, display, fail } from "./_at.ts";
import { hostile } from "./_hostile.ts";
import { inUserNamespace, overlayPrefix } from "./_user_namespace.ts";

const times = new DataView(new ArrayBuffer(32));
const timesBytes = new Uint8Array(times.buffer);

/** Set access and modification time of `name`, not following links, or of `fd` itself for `""`. */
export function setTimes(fd: number, name: string, sec: number, ns: number): number {
  for (const at of [0, 16]) {
    times.setBigInt64(at, BigInt(sec), true);
    times.setBigInt64(at + 8, BigInt(ns), true);
  }
  return name === ""
    ? sys(SYS.utimensat, fd, 0, timesBytes, 0)
    : sys(SYS.utimensat, fd, cstring(name), timesBytes, AT.AT_SYMLINK_NOFOLLOW);
}

/** Attributes that an archive may not set: they are overlayfs's own instructions. */
export function isReserved(name: string): boolean {
  return name.startsWith("trusted.overlay.") || name.startsWith("user.overlay.");
}

/**
 * Remove attributes of a directory that a layer below gave it, or the kernel did when it was made;
 * not overlayfs's, nor those that a security module keeps itself.
 */
export function clearXattrs(fd: number, subject: string): void {
  for (const name of getXattrs(fd, subject).keys()) {
    if (isReserved(name) || /^security\.(?!capability$)/.test(name)) continue;
    const result = sys(SYS.fremovexattr, fd, cstring(name));
    if (result !== -ERRNO.ENODATA) check("unpack", "fremovexattr", subject, result);
  }
}

/** What the kernel says of attributes that it never takes, whatever the file system. */
const UNFIT = new Set<number>([ERRNO.E2BIG, ERRNO.ERANGE, ERRNO.EINVAL]);

function unfit(subject: string, name: string, value: Uint8Array): CtrError {
  const shown = JSON.stringify(display(name.slice(0, 100)));
  return hostile(subject, `no file can have its attribute ${shown} of ${value.length} bytes`);
}

/** What only the host's root may set is left out elsewhere, as other engines do. */
function isForbidden(name: string, result: number): boolean {
  return result === -ERRNO.EPERM && !name.startsWith("user.") && inUserNamespace();
}

/** Set attributes on an open file or directory. A file system without them is accepted. */
export function setXattrs(
  fd: number,
  xattrs: ReadonlyMap<string, Uint8Array>,
  subject: string,
): void {
  for (const [name, value] of xattrs) {
    if (isReserved(name)) continue;
    const result = sys(SYS.fsetxattr, fd, cstring(name), value, value.length, 0);
    if (result === -ERRNO.EOPNOTSUPP || isForbidden(name, result)) continue;
    if (UNFIT.has(-result)) throw unfit(subject, name, value);
    check("unpack", "fsetxattr", subject, result);
  }
}

/** The same for what cannot be opened: links and devices. Only some kinds of attributes exist there. */
export function setXattrsAt(
  fd: number,
  entryName: string,
  xattrs: ReadonlyMap<string, Uint8Array>,
  subject: string,
): void {
  const path = cstring(`/proc/self/fd/${fd}/${entryName}`);
  for (const [name, value] of xattrs) {
    if (isReserved(name)) continue;
    const result = sys(SYS.lsetxattr, path, cstring(name), value, value.length, 0);
    if (result === -ERRNO.EOPNOTSUPP || result === -ERRNO.EPERM) continue;
    if (UNFIT.has(-result)) throw unfit(subject, name, value);
    check("unpack", "lsetxattr", subject, result);
  }
}

/** Overlayfs's mark that a directory hides those below it. */
export function setOpaque(fd: number, subject: string): void {
  const name = cstring(`${overlayPrefix()}opaque`);
  const result = sys(SYS.fsetxattr, fd, name, new Uint8Array([0x79]), 1, 0);
  if (result < 0) throw fail("unpack", "fsetxattr", subject, result);
}

const list = new Uint8Array(65536); // XATTR_LIST_MAX, and XATTR_SIZE_MAX
const value = new Uint8Array(65536);

/** All attributes of an open file, for copying. */
export function getXattrs(fd: number, subject: string): Map<string, Uint8Array> {
  return readXattrs(
    subject,
    sys(SYS.flistxattr, fd, list, list.length),
    (key) => sys(SYS.fgetxattr, fd, key, value, value.length),
  );
}

/** The same of what cannot be opened: links and devices. */
export function getXattrsAt(fd: number, name: string, subject: string): Map<string, Uint8Array> {
  const path = cstring(`/proc/self/fd/${fd}/${name}`);
  return readXattrs(
    subject,
    sys(SYS.llistxattr, path, list, list.length),
    (key) => sys(SYS.lgetxattr, path, key, value, value.length),
  );
}

function readXattrs(
  subject: string,
  length: number,
  get: (key: Uint8Array) => number,
): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  // Of a container that runs, it may be gone by now.
  if (length === 0 || length === -ERRNO.EOPNOTSUPP || length === -ERRNO.ENOENT) return found;
  check("copy", "listxattr", subject, length);
  for (let at = 0; at < length;) {
    const end = list.indexOf(0, at);
    const key = String.fromCharCode(...list.subarray(at, end));
    const size = get(cstring(key));
    if (size >= 0) found.set(key, value.slice(0, size));
    at = end + 1;
  }
  return found;
}
