/**
 * Deleting a directory tree whose content is hostile: on descriptors, never through a symbolic link,
 * however deep, and in slices so that the end of a container does not wait for a large one.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { ERRNO } from "../linux/mod.ts";
import { SYS } from "../program/mod.ts";
import {
  check,
  closeFd,
  cstring,
  DT_DIR,
  fail,
  openDirectoryAt,
  readDirectory,
  rmdirAt,
  unlinkAt,
} from "./_at.ts";

/** How many removals may still be done. */
export interface Budget {
  left: number;
}

/** Deeper directories are moved up first: a descriptor is open per level. */
const MAX_DEPTH = 64;
let moved = 0;

/**
 * Delete `name` in the directory `fd`, whatever it is; that it does not exist is fine.
 *
 * @returns false when the budget was used up before the end.
 * @throws {SyscallError} when a removal fails.
 */
export function deleteTreeAt(fd: number, name: string, budget: Budget): boolean {
  const result = unlinkAt(fd, name);
  if (result === 0 || result === -ERRNO.ENOENT) {
    budget.left--;
    return true;
  }
  if (result !== -ERRNO.EISDIR && result !== -ERRNO.EPERM) {
    throw fail("remove", "unlinkat", name, result);
  }
  return deleteDirectory(fd, fd, name, budget, 0);
}

function deleteDirectory(
  top: number,
  fd: number,
  name: string,
  budget: Budget,
  depth: number,
): boolean {
  if (budget.left <= 0) return false;
  if (rmdirAt(fd, name) === 0) {
    budget.left--;
    return true;
  }
  const directory = openDirectoryAt(fd, name);
  if (directory === -ERRNO.ENOENT) return true;
  check("remove", "openat", name, directory);
  try {
    for (const entry of readDirectory(directory, name)) {
      if (budget.left <= 0) return false;
      if (entry.type !== DT_DIR) {
        if (!deleteTreeAt(directory, entry.name, budget)) return false;
      } else if (depth < MAX_DEPTH) {
        if (!deleteDirectory(top, directory, entry.name, budget, depth + 1)) return false;
      } else if (!deleteElsewhere(top, directory, entry.name, budget)) {
        return false;
      }
    }
  } finally {
    closeFd(directory);
  }
  const result = rmdirAt(fd, name);
  if (result < 0 && result !== -ERRNO.ENOENT) throw fail("remove", "unlinkat", name, result);
  budget.left--;
  return true;
}

function deleteElsewhere(top: number, fd: number, name: string, budget: Budget): boolean {
  const flat = `.ctr-deleted-${process.pid}-${moved++}`;
  check("remove", "renameat2", name, sys(SYS.renameat2, fd, cstring(name), top, cstring(flat), 0));
  return deleteDirectory(top, top, flat, budget, 0);
}
