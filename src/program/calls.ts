/**
 * Single system calls for files and processes, without the 4 ms that `node:fs` takes to load on Bun.
 * All are synchronous, throw a SyscallError, and use paths relative to the working directory.
 *
 * @module
 */

import { sys, type SysArg } from "../../ffi/mod.ts";
import { AT, ERRNO, O, RESOLVE, S } from "../linux/mod.ts";
import { syscallError } from "./failure.ts";
import { openHow } from "./program.ts";
import { SYS, type SyscallName } from "./syscalls.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A NUL-terminated path. Refuses one with a NUL inside: the kernel would see another path. */
function cpath(path: string): Uint8Array {
  if (path.includes("\0")) throw new TypeError(`${JSON.stringify(path)} contains a NUL`);
  return encoder.encode(path + "\0");
}

/** Make a call; on failure throw an error about `subject`. */
export function call(name: SyscallName, subject: string, ...args: SysArg[]): number {
  const result = sys(SYS[name], args[0], args[1], args[2], args[3], args[4], args[5]);
  if (result < 0 && result >= -4095) {
    const shown = args.map((arg) =>
      typeof arg === "number" ? String(arg) : JSON.stringify(decoder.decode(arg.subarray(0, 64)))
    );
    throw syscallError(name, shown, -result, { operation: verb(name), subject });
  }
  return result;
}

function verb(name: string): string {
  return name.replace(/at2?$/, "").replace(/^unlink$/, "remove").replace(/^mkdir$/, "create");
}

export function open(path: string, flags: number, mode = 0, dirFd: number = AT.AT_FDCWD): number {
  return call("openat", path, dirFd, cpath(path), flags | O.O_CLOEXEC, mode);
}

/** openat2(2) below a directory that is the root for this look-up; magic links are refused. */
export function openInRoot(rootFd: number, path: string, flags: number, mode = 0): number {
  const how = openHow(
    flags | O.O_CLOEXEC,
    RESOLVE.RESOLVE_IN_ROOT | RESOLVE.RESOLVE_NO_MAGICLINKS,
    mode,
  );
  // Of a `..` the kernel cannot say where it led while anything is moved or mounted anywhere.
  for (let attempt = 0; attempt < 1000; attempt++) {
    const fd = sys(SYS.openat2, rootFd, cpath(path), how, how.length);
    if (fd >= 0) return fd;
    if (fd !== -ERRNO.EAGAIN) break;
  }
  return call("openat2", path, rootFd, cpath(path), how, how.length);
}

/** Closing cannot usefully fail: a bad descriptor is a bug elsewhere. */
export function close(fd: number): void {
  sys(SYS.close, fd);
}

export function mkdir(path: string, mode = 0o755): void {
  call("mkdirat", path, AT.AT_FDCWD, cpath(path), mode);
}

/** Like mkdir, and true if it was there already. */
export function ensureDirectory(path: string, mode = 0o755): boolean {
  const make = () => sys(SYS.mkdirat, AT.AT_FDCWD, cpath(path), mode);
  let result = make();
  const parent = path.slice(0, path.lastIndexOf("/"));
  if (result === -ERRNO.ENOENT && parent !== "") {
    ensureDirectory(parent, mode);
    result = make(); // once: /proc says ENOENT whatever there is
  }
  if (result === 0) return false;
  if (result === -ERRNO.EEXIST) return true;
  throw syscallError("mkdirat", [JSON.stringify(path)], -result, {
    operation: "create",
    subject: path,
  });
}

export function rename(from: string, to: string): void {
  call("renameat2", from, AT.AT_FDCWD, cpath(from), AT.AT_FDCWD, cpath(to), 0);
}

/** Remove a file; true if there was one. */
export function unlink(path: string): boolean {
  return removeEntry(path, 0);
}

/** Remove an empty directory; true if there was one. */
export function rmdir(path: string): boolean {
  return removeEntry(path, AT.AT_REMOVEDIR);
}

function removeEntry(path: string, flags: number): boolean {
  const result = sys(SYS.unlinkat, AT.AT_FDCWD, cpath(path), flags);
  if (result === 0) return true;
  if (result === -ERRNO.ENOENT) return false;
  throw syscallError("unlinkat", [JSON.stringify(path)], -result, {
    operation: "remove",
    subject: path,
  });
}

export function exists(path: string): boolean {
  return sys(SYS.faccessat, AT.AT_FDCWD, cpath(path), 0) === 0;
}

/** What a path leads to, links followed; undefined when nothing is there. Needs search permission only. */
export function fileKind(path: string): "directory" | "file" | "other" | undefined {
  const STATX_TYPE = 1;
  const buffer = new Uint8Array(256);
  if (sys(SYS.statx, AT.AT_FDCWD, cpath(path), 0, STATX_TYPE, buffer) < 0) return undefined;
  const type = (buffer[28]! | (buffer[29]! << 8)) & S.S_IFMT;
  return type === S.S_IFDIR ? "directory" : type === S.S_IFREG ? "file" : "other";
}

/** Read up to `limit` bytes of an open file from its current position. */
export function readAll(fd: number, subject: string, limit = 64 << 20): Uint8Array {
  let buffer = new Uint8Array(8192);
  let length = 0;
  while (true) {
    const got = call("read", subject, fd, buffer.subarray(length), buffer.length - length);
    if (got === 0) return buffer.subarray(0, length);
    length += got;
    if (length > limit) throw new RangeError(`${subject} is larger than ${limit} bytes`);
    if (length === buffer.length) {
      const larger = new Uint8Array(buffer.length * 2);
      larger.set(buffer);
      buffer = larger;
    }
  }
}

export function readFile(path: string, limit?: number): Uint8Array {
  const fd = open(path, O.O_RDONLY);
  try {
    return readAll(fd, path, limit);
  } finally {
    close(fd);
  }
}

export function readText(path: string, limit?: number): string {
  return decoder.decode(readFile(path, limit));
}

/** The text of a file, or undefined when there is none. */
export function readTextIfExists(path: string): string | undefined {
  return exists(path) ? readText(path) : undefined;
}

/** Write all bytes, however many calls it takes. */
export function writeAll(fd: number, bytes: Uint8Array, subject: string): void {
  for (let at = 0; at < bytes.length;) {
    at += call("write", subject, fd, bytes.subarray(at), bytes.length - at);
  }
}

/** Create or truncate a file. Not atomic: see {@link replaceFile}. */
export function writeFile(path: string, content: string | Uint8Array, mode = 0o600): void {
  const fd = open(path, O.O_WRONLY | O.O_CREAT | O.O_TRUNC, mode);
  try {
    writeAll(fd, typeof content === "string" ? encoder.encode(content) : content, path);
  } finally {
    close(fd);
  }
}

/** Readers see the old or the new content, never a part. */
export function replaceFile(path: string, content: string | Uint8Array, mode = 0o600): void {
  writeFile(`${path}.new`, content, mode);
  rename(`${path}.new`, path);
}

export function pipe(flags = 0): readonly [read: number, write: number] {
  return pair("pipe2", (fds) => [fds, flags | O.O_CLOEXEC]);
}

/** A connected pair of unix stream sockets. */
export function socketPair(): readonly [number, number] {
  const AF_UNIX = 1;
  const SOCK_STREAM = 1;
  return pair("socketpair", (fds) => [AF_UNIX, SOCK_STREAM | O.O_CLOEXEC | O.O_NONBLOCK, 0, fds]);
}

function pair(
  name: "pipe2" | "socketpair",
  args: (fds: Uint8Array) => SysArg[],
): readonly [number, number] {
  const fds = new Int32Array(2);
  call(name, name, ...args(new Uint8Array(fds.buffer)));
  return [fds[0]!, fds[1]!];
}

export function setNonblocking(fd: number): void {
  const flags = call("fcntl", "descriptor", fd, 3, 0);
  call("fcntl", "descriptor", fd, 4, flags | O.O_NONBLOCK);
}

/** Send a signal; false when there is no such process. */
export function kill(pid: number, signal: number): boolean {
  const result = sys(SYS.kill, pid, signal);
  if (result === -ERRNO.ESRCH) return false;
  if (result < 0) {
    throw syscallError("kill", [String(pid), String(signal)], -result, {
      operation: "signal",
      subject: String(pid),
    });
  }
  return true;
}

/** How a child ended: `exitCode` is 128+n for a signal. */
export interface Ended {
  readonly pid: number;
  readonly exitCode: number;
}

/** wait4(2) for one child; undefined while it runs. Without `block` it returns at once. */
export function waitFor(pid: number, options: { block?: boolean } = {}): Ended | undefined {
  const status = new Int32Array(1);
  const WNOHANG = 1;
  const __WALL = 0x40000000;
  while (true) {
    const result = sys(
      SYS.wait4,
      pid,
      new Uint8Array(status.buffer),
      (options.block ? 0 : WNOHANG) | __WALL,
      0,
    );
    if (result === -ERRNO.EINTR) continue;
    if (result <= 0) return undefined;
    return { pid: result, exitCode: exitCodeOf(status[0]!) };
  }
}

/** Whether this is a child of ours that was not reaped yet. */
export function isChild(pid: number): boolean {
  const P_PID = 1;
  const WNOHANG_WEXITED_WNOWAIT_WALL = 0x41000005;
  return pid > 0 && sys(SYS.waitid, P_PID, pid, 0, WNOHANG_WEXITED_WNOWAIT_WALL, 0) === 0;
}

/** The exit code in a status word of wait(2), as a shell has it: 128+n for signal n. */
export function exitCodeOf(status: number): number {
  const signal = status & 0x7f;
  return signal === 0 ? (status >> 8) & 0xff : 128 + signal;
}
