/**
 * A directory whose subdirectories come and go.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { close, ensureDirectory, open, SYS } from "../program/mod.ts";

const FS_IOC_GETFLAGS = 0x80086601;
const FS_IOC_SETFLAGS = 0x40086602;
/** chattr +T */
const FS_TOPDIR_FL = 0x20000;

/**
 * Make a directory, 0700, that ext4 treats as the top of a hierarchy: each subdirectory goes to a
 * block group of its own. Else all share one group, and without a journal ext4 does not reuse an
 * inode for up to 35 seconds after its deletion but looks at every such inode on each creation: after
 * 1800 containers at 70 per second, making and mounting one took 6 ms instead of 0.8.
 */
export function ensureSpreadDirectory(path: string): void {
  if (ensureDirectory(path, 0o700)) return;
  const fd = open(path, 0);
  const flags = new Uint32Array(2);
  const bytes = new Uint8Array(flags.buffer);
  if (sys(SYS.ioctl, fd, FS_IOC_GETFLAGS, bytes) === 0) {
    flags[0]! |= FS_TOPDIR_FL;
    sys(SYS.ioctl, fd, FS_IOC_SETFLAGS, bytes); // other file systems refuse, and do not need it
  }
  close(fd);
}
