/**
 * Finding a directory below a root name by name, as `openat2(RESOLVE_IN_ROOT)` does.
 *
 * For trees that nobody else changes, and where the kernel does not: behind a link on overlayfs, it
 * answers EAGAIN to a `..` that comes after a name, however often it is asked (Linux 6.18).
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { ERRNO, O, S } from "../linux/mod.ts";
import { O_ARCH, SYS } from "../program/mod.ts";
import { check, closeFd, cstring, fail, fromBytes, openAt, statusAt } from "./_at.ts";

const MAX_LINKS = 40;
const DIRECTORY = O.O_PATH | O_ARCH.O_DIRECTORY | O_ARCH.O_NOFOLLOW;

/** An `O_PATH` descriptor of a directory, or `-errno`. Neither `..` nor links lead out. */
export function walkInRoot(root: number, path: string): number {
  const place = [root];
  const todo = path.split("/").reverse();
  let links = 0;
  const leave = (depth: number): void => {
    while (place.length > depth) closeFd(place.pop()!);
  };
  const give = (result: number): number => {
    leave(1);
    return result;
  };
  while (todo.length > 0) {
    const name = todo.pop()!;
    if (name === "" || name === ".") continue;
    if (name === "..") {
      leave(Math.max(1, place.length - 1));
      continue;
    }
    const status = statusAt(place.at(-1)!, name);
    if (typeof status === "number") return give(status);
    if ((status.mode & S.S_IFMT) === S.S_IFLNK) {
      if (++links > MAX_LINKS) return give(-ERRNO.ELOOP);
      const target = readLink(place.at(-1)!, name);
      if (target.startsWith("/")) leave(1);
      todo.push(...target.split("/").reverse());
      continue;
    }
    const next = openAt(place.at(-1)!, name, DIRECTORY);
    if (next < 0) return give(next);
    place.push(next);
  }
  const found = openAt(place.at(-1)!, ".", DIRECTORY);
  return give(found);
}

/** The target of a symbolic link, a byte string. */
export function readLink(fd: number, name: string): string {
  const target = readLinkIfThere(fd, name);
  if (target === undefined) throw fail("read link", "readlinkat", name, -ERRNO.ENOENT);
  return target;
}

/** The same; undefined when it is not there, or no link, any more. */
export function readLinkIfThere(fd: number, name: string): string | undefined {
  const buffer = new Uint8Array(4096);
  const length = sys(SYS.readlinkat, fd, cstring(name), buffer, buffer.length);
  if (length === -ERRNO.ENOENT || length === -ERRNO.EINVAL) return undefined;
  check("read link", "readlinkat", name, length);
  return fromBytes(buffer.subarray(0, length));
}
