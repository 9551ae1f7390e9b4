/**
 * System calls on names relative to a directory descriptor. Names are byte strings, one character
 * per byte, because names in archives and on disk need not be UTF-8.
 *
 * Functions return the kernel's result: negative is `-errno`. {@link fail} makes the error.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import type { SyscallError } from "../errors.ts";
import { AT, ERRNO, O, RESOLVE, S } from "../linux/mod.ts";
import { O_ARCH, openHow, SYS, syscallError } from "../program/mod.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A text as a byte string. */
export function toByteString(text: string): string {
  if (/^[\x01-\x7f]*$/.test(text)) return text;
  return fromBytes(encoder.encode(text));
}

/** Bytes as a byte string. */
export function fromBytes(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  }
  return text;
}

/** A byte string as bytes. */
export function toBytes(name: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(name.length);
  for (let i = 0; i < name.length; i++) bytes[i] = name.charCodeAt(i);
  return bytes;
}

/** A byte string as people read it. */
export function display(name: string): string {
  return decoder.decode(toBytes(name));
}

/** NUL-terminated bytes of a byte string. */
export function cstring(name: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(name.length + 1);
  for (let i = 0; i < name.length; i++) bytes[i] = name.charCodeAt(i);
  return bytes;
}

/** The error of a failed call about `subject`, a byte string. */
export function fail(
  operation: string,
  syscall: string,
  subject: string,
  result: number,
): SyscallError {
  const shown = display(subject);
  return syscallError(syscall, [JSON.stringify(shown)], -result, { operation, subject: shown });
}

/** Throw when `result` is negative. */
export function check(operation: string, syscall: string, subject: string, result: number): number {
  if (result < 0) throw fail(operation, syscall, subject, result);
  return result;
}

/**
 * openat2(2) below `rootFd`, which is the root of the look-up; never follows a magic link. `EAGAIN`
 * says that the kernel cannot tell where a `..` led, because something was moved meanwhile.
 */
export function openInRoot(rootFd: number, path: string, flags: number, resolve = 0): number {
  const how = openHow(
    flags | O.O_CLOEXEC,
    RESOLVE.RESOLVE_IN_ROOT | RESOLVE.RESOLVE_NO_MAGICLINKS | resolve,
  );
  return sys(SYS.openat2, rootFd, cstring(path === "" ? "." : path), how, how.length);
}

export function openAt(fd: number, name: string, flags: number, mode = 0): number {
  return sys(SYS.openat, fd, cstring(name), flags | O.O_CLOEXEC, mode);
}

/** Open a directory itself, not what a symbolic link of that name points to. */
export function openDirectoryAt(fd: number, name: string): number {
  return openAt(fd, name, O.O_RDONLY | O_ARCH.O_DIRECTORY | O_ARCH.O_NOFOLLOW);
}

/**
 * Open a regular file for reading. Where a container runs it may be something else by now, whatever
 * it was a moment ago: opening a pipe would wait, and a device is the host's.
 *
 * @returns `-ENXIO` for what is no regular file.
 */
export function openFileAt(fd: number, name: string): number {
  const found = openAt(fd, name, O.O_PATH | O_ARCH.O_NOFOLLOW);
  if (found < 0) return found;
  try {
    const status = statusAt(found, "");
    if (typeof status === "number") return status;
    if ((status.mode & S.S_IFMT) !== S.S_IFREG) return -ERRNO.ENXIO;
    return openAt(AT.AT_FDCWD, `/proc/self/fd/${found}`, O.O_RDONLY);
  } finally {
    closeFd(found);
  }
}

export function closeFd(fd: number): void {
  sys(SYS.close, fd);
}

export function mkdirAt(fd: number, name: string, mode: number): number {
  return sys(SYS.mkdirat, fd, cstring(name), mode);
}

export function unlinkAt(fd: number, name: string): number {
  return sys(SYS.unlinkat, fd, cstring(name), 0);
}

export function rmdirAt(fd: number, name: string): number {
  return sys(SYS.unlinkat, fd, cstring(name), AT.AT_REMOVEDIR);
}

/** What statx(2) says of a name; symbolic links are not followed. */
export interface Status {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly ino: number;
  readonly links: number;
  readonly size: number;
  readonly blocks: number;
  /** When anything of it was changed last, in nanoseconds. */
  readonly ctime: bigint;
  readonly mtimeSec: number;
  readonly mtimeNs: number;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
  readonly dev: string;
}

const statxBuffer = new DataView(new ArrayBuffer(256));
const statxBytes = new Uint8Array(statxBuffer.buffer);
const STATX_BASIC_STATS = 0x7ff;

/** Status of a name, or of `fd` itself for `""`; a number is `-errno`. */
export function statusAt(fd: number, name: string): Status | number {
  const flags = AT.AT_SYMLINK_NOFOLLOW | (name === "" ? AT.AT_EMPTY_PATH : 0);
  const result = sys(SYS.statx, fd, cstring(name), flags, STATX_BASIC_STATS, statxBytes);
  if (result < 0) return result;
  const v = statxBuffer;
  return {
    mode: v.getUint16(28, true),
    uid: v.getUint32(20, true),
    gid: v.getUint32(24, true),
    ino: Number(v.getBigUint64(32, true)),
    links: v.getUint32(16, true),
    size: Number(v.getBigUint64(40, true)),
    blocks: Number(v.getBigUint64(48, true)),
    ctime: v.getBigInt64(96, true) * 1_000_000_000n + BigInt(v.getUint32(104, true)),
    mtimeSec: Number(v.getBigInt64(112, true)),
    mtimeNs: v.getUint32(120, true),
    rdevMajor: v.getUint32(128, true),
    rdevMinor: v.getUint32(132, true),
    dev: `${v.getUint32(136, true)}:${v.getUint32(140, true)}`,
  };
}

/** An entry of a directory; `type` is the kernel's `DT_*`. */
export interface DirectoryEntry {
  readonly name: string;
  readonly type: number;
}

export const DT_DIR = 4;

const direntBuffer = new Uint8Array(32768);
const direntView = new DataView(direntBuffer.buffer);

/** The entries of an open directory but `.` and `..`, from its current position: getdents64(2). */
export function readDirectory(fd: number, subject: string): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  for (;;) {
    const got = sys(SYS.getdents64, fd, direntBuffer, direntBuffer.length);
    check("read directory", "getdents64", subject, got);
    if (got === 0) return entries;
    for (let at = 0; at < got;) {
      const length = direntView.getUint16(at + 16, true);
      const type = direntBuffer[at + 18]!;
      const end = direntBuffer.indexOf(0, at + 19);
      const name = fromBytes(direntBuffer.subarray(at + 19, end));
      if (name !== "." && name !== "..") entries.push({ name, type });
      at += length;
    }
  }
}
