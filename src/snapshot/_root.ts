/**
 * A directory that stands for `/` while a hostile archive is unpacked into it. Every parent is found
 * by openat2(RESOLVE_IN_ROOT), so no `..`, absolute name or symbolic link leads out; descriptors of
 * parents are kept, because an archive lists a directory's entries together.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { ERRNO, O, S } from "../linux/mod.ts";
import { close, O_ARCH, open, SYS } from "../program/mod.ts";
import {
  check,
  closeFd,
  cstring,
  fail,
  fromBytes,
  mkdirAt,
  openDirectoryAt,
  openInRoot,
  type Status,
  statusAt,
  unlinkAt,
} from "./_at.ts";
import { readLink, walkInRoot } from "./_walk.ts";
import { deleteTreeAt } from "./_delete_tree.ts";
import { removeAcls } from "./_acl.ts";
import { setOpaque } from "./_metadata.ts";

const CACHE = 96;
const MAX_LINKS = 40;
const [DOT, SLASH] = [0x2e, 0x2f];

/** A name as a path below the root: no empty, `.` or `..` parts; `""` is the root itself. */
export function cleanPath(path: string): string {
  const first = path.charCodeAt(0);
  if (first !== DOT && first !== SLASH && !path.includes("//") && !path.includes("/.")) {
    return path.endsWith("/") ? path.slice(0, -1) : path; // nearly all are
  }
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** The parts before and after the last slash of a clean path. */
export function splitPath(path: string): readonly [directory: string, name: string] {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? ["", path] : [path.slice(0, slash), path.slice(slash + 1)];
}

/** Overlayfs's whiteout: a character device 0:0. */
export function isWhiteout(status: Status): boolean {
  return (status.mode & S.S_IFMT) === S.S_IFCHR && status.rdevMajor === 0 &&
    status.rdevMinor === 0;
}

/** The root with its open parents. */
export interface Root {
  readonly fd: number;
  /** Directories that were made because an entry below them came first, as clean paths. */
  readonly implied: Set<string>;
  /** The descriptor of a directory, made with its ancestors if missing. Valid until `recycle`. */
  directory(path: string): number;
  /** Like `directory`, but makes nothing: a negative errno when it is missing. */
  existing(path: string): number;
  /** The path of an open directory without symbolic links, from `directory` or `existing`. */
  realPath(path: string, descriptor: number): string;
  /** Make a directory, or keep the one that is there; what else is there goes. Keeps it open. */
  makeDirectory(path: string, parent: number, name: string): number;
  /**
   * Note the time of a directory, by its path without links, before something in it changes: `times`
   * are what directories get back that a layer does not list itself. Does nothing in a new tree.
   */
  touch(path: string, descriptor: number): void;
  readonly times: ReadonlyMap<string, readonly [sec: number, ns: number]>;
  /** Delete whatever is there. */
  remove(parent: number, name: string): void;
  /** Close descriptors that are out of use; call it between entries. */
  recycle(): void;
  close(): void;
}

/**
 * Open a directory as a root. `fd` may be given instead of a path, and is then the root's to close.
 *
 * @param keepTimes whether there is something in it already.
 */
export function openRoot(where: string | number, keepTimes = false): Root {
  const fd = typeof where === "number" ? where : open(where, O.O_RDONLY | O_ARCH.O_DIRECTORY);
  const cache = new Map<string, number>();
  const implied = new Set<string>();

  const retired: number[] = [];
  const real = new Map<string, string>();
  let prefix: string | undefined;
  const times = new Map<string, readonly [number, number]>();

  /** The oldest goes: no caller still uses one that {@link CACHE} later ones were opened after. */
  const keep = (path: string, kept: number): number => {
    if (cache.size >= CACHE) {
      const [[oldest, descriptor]] = cache as unknown as [[string, number]];
      closeFd(descriptor);
      cache.delete(oldest);
    }
    const before = cache.get(path);
    if (before !== undefined) retired.push(before);
    cache.set(path, kept);
    return kept;
  };
  const recycle = (): void => {
    for (const descriptor of retired) closeFd(descriptor);
    retired.length = 0;
  };
  const existing = (path: string): number => {
    if (path === "") return fd;
    const kept = cache.get(path);
    if (kept !== undefined) {
      cache.delete(path); // and to the end: eviction is by last use
      cache.set(path, kept);
      return kept;
    }
    let found = openInRoot(fd, path, O.O_PATH | O_ARCH.O_DIRECTORY);
    if (found === -ERRNO.EAGAIN) found = walkInRoot(fd, path);
    return found < 0 ? found : keep(path, found);
  };
  const remove = (parent: number, name: string): void => {
    const status = statusAt(parent, name);
    if (typeof status === "number") return;
    const type = status.mode & S.S_IFMT;
    if (type === S.S_IFDIR) deleteTreeAt(parent, name, { left: Infinity });
    else check("unpack", "unlinkat", name, unlinkAt(parent, name));
    // Paths that led through it lead elsewhere now. The caller may be using one of the descriptors.
    if (type !== S.S_IFDIR && type !== S.S_IFLNK) return;
    retired.push(...cache.values());
    cache.clear();
    real.clear();
  };
  const realPath = (path: string, descriptor: number): string => {
    if (path === "") return "";
    const known = real.get(path);
    if (known !== undefined) return known;
    prefix ??= pathOf(fd)?.replace(/\/$/, "");
    const where = pathOf(descriptor);
    const found = where !== undefined && `${where}/`.startsWith(`${prefix}/`)
      ? where.slice(prefix!.length + 1)
      : path; // longer than procfs can say
    real.set(path, found);
    return found;
  };
  const touch = (path: string, descriptor: number): void => {
    if (!keepTimes) return;
    const place = realPath(path, descriptor);
    if (times.has(place)) return;
    const status = statusAt(descriptor, "");
    if (typeof status !== "number") times.set(place, [status.mtimeSec, status.mtimeNs]);
  };
  const makeDirectory = (path: string, parent: number, name: string): number => {
    let opaque = false;
    let result = mkdirAt(parent, name, 0o755);
    if (result === -ERRNO.EEXIST) {
      const status = statusAt(parent, name);
      if (typeof status !== "number" && (status.mode & S.S_IFMT) !== S.S_IFDIR) {
        opaque = isWhiteout(status);
        remove(parent, name);
        result = mkdirAt(parent, name, 0o755);
      } else {
        result = 0;
      }
    }
    check("unpack", "mkdirat", path, result);
    const made = check("unpack", "openat", path, openDirectoryAt(parent, name));
    if (opaque) setOpaque(made, path);
    return keep(path, made);
  };
  const directory = (path: string, links = 0): number => {
    const found = existing(path);
    if (found >= 0) return found;
    if (found !== -ERRNO.ENOENT && found !== -ERRNO.ENOTDIR) {
      throw fail("unpack", "openat2", path, found);
    }
    const [above, name] = splitPath(path);
    const parent = directory(above, links);
    const status = statusAt(parent, name);
    if (typeof status !== "number" && !isWhiteout(status)) {
      // A dangling link: what it points to is made, inside the root.
      if ((status.mode & S.S_IFMT) !== S.S_IFLNK || links >= MAX_LINKS) {
        throw fail("unpack", "openat2", path, found === -ERRNO.ENOENT ? -ERRNO.ELOOP : found);
      }
      const target = readLink(parent, name);
      return directory(
        cleanPath(target.startsWith("/") ? target : `${above}/${target}`),
        links + 1,
      );
    }
    touch(above, parent);
    const made = makeDirectory(path, parent, name);
    removeAcls(made, path); // or its mode would be theirs
    check("unpack", "fchmod", path, sys(SYS.fchmod, made, 0o755)); // mkdir obeyed the umask
    implied.add(path);
    return made;
  };
  return {
    fd,
    implied,
    directory: (path) => directory(path),
    existing,
    realPath,
    touch,
    times,
    makeDirectory,
    remove,
    recycle,
    close: () => {
      recycle();
      for (const kept of cache.values()) closeFd(kept);
      cache.clear();
      close(fd);
    },
  };
}

function pathOf(descriptor: number): string | undefined {
  const buffer = new Uint8Array(4096);
  const link = cstring(`/proc/self/fd/${descriptor}`);
  const length = sys(SYS.readlinkat, -1, link, buffer, buffer.length);
  return length < 0 ? undefined : fromBytes(buffer.subarray(0, length));
}
