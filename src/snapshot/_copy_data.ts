/**
 * The content of a file into another: its blocks shared where the file system can, else copied
 * without the holes.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { ERRNO } from "../linux/mod.ts";
import { SYS } from "../program/mod.ts";
import { check } from "./_at.ts";

const FICLONE = 0x40049409;
const SEEK_SET = 0;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/** Copy `size` bytes to the new file `to`. */
export function copyData(from: number, to: number, size: number, subject: string): void {
  if (size === 0 || sys(SYS.ioctl, to, FICLONE, from) === 0) return;
  // What the kernel copies by itself fills the holes where it cannot share blocks.
  for (let at = 0; at < size;) {
    const data = sys(SYS.lseek, from, at, SEEK_DATA);
    if (data === -ERRNO.ENXIO) break; // only a hole is left
    check("copy", "lseek", subject, data);
    const end = check("copy", "lseek", subject, sys(SYS.lseek, from, data, SEEK_HOLE));
    check("copy", "lseek", subject, sys(SYS.lseek, from, data, SEEK_SET));
    check("copy", "lseek", subject, sys(SYS.lseek, to, data, SEEK_SET));
    at = copyRange(from, to, data, Math.min(end, size), subject);
    if (at < end) break; // it became shorter meanwhile
  }
  check("copy", "ftruncate", subject, sys(SYS.ftruncate, to, size));
}

function copyRange(from: number, to: number, start: number, end: number, subject: string): number {
  let at = start;
  while (at < end) {
    const length = Math.min(end - at, 1 << 30);
    const copied = sys(SYS.copy_file_range, from, 0, to, 0, length, 0);
    if (check("copy", "copy_file_range", subject, copied) === 0) break;
    at += copied;
  }
  return at;
}
