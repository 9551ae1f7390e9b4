/**
 * fs-verity: the kernel refuses to read what is no longer as it was when the file was finished, however
 * it came to be changed. Ext4, f2fs and btrfs have it where the file system was made for it.
 *
 * @see https://docs.kernel.org/filesystems/fsverity.html
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { close, open, SYS } from "../program/mod.ts";

const FS_IOC_ENABLE_VERITY = 0x40806685;
const SHA256 = 1;
const BLOCK = 4096;

/**
 * Let the kernel hash a file, and check every page of it from now on. Nobody can write to it any more.
 * Its content must be verified. Costs one more hash of it; on most file systems nothing, as they have
 * no fs-verity.
 *
 * @returns whether it is protected.
 */
export function enableVerity(path: string): boolean {
  const fd = open(path, 0);
  try {
    const wanted = new DataView(new ArrayBuffer(128));
    wanted.setUint32(0, 1, true); // version
    wanted.setUint32(4, SHA256, true);
    wanted.setUint32(8, BLOCK, true);
    return sys(SYS.ioctl, fd, FS_IOC_ENABLE_VERITY, new Uint8Array(wanted.buffer)) === 0;
  } finally {
    close(fd);
  }
}
