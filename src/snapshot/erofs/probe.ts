/**
 * Whether the kernel can do what the EROFS snapshotter needs, found out by doing it: an image in a
 * file, with another file as its device and blocks of 512 bytes. What has that (Linux 6.12) has an
 * overlayfs that takes it as a layer.
 *
 * @module
 */

import { close, unlink, writeFile } from "../../program/mod.ts";
import { DEVICE_SLOT, INCOMPAT, LAYOUT, SUPERBLOCK } from "./format.ts";
import { openErofs } from "./mount.ts";

/** Try it, with a file below `parent`. Takes about a millisecond; nothing stays. */
export function canUseErofs(parent: string): boolean {
  const image = `${parent}/probe-${process.pid}`;
  try {
    writeFile(image, smallestImage());
    close(openErofs(image, [image]));
    return true;
  } catch {
    return false;
  } finally {
    unlink(image);
  }
}

/** One empty directory, and a device. */
function smallestImage(): Uint8Array {
  const bytes = new Uint8Array(4096);
  const view = new DataView(bytes.buffer);
  const blocks = bytes.length / 512;
  const { offset: at, size, magic } = SUPERBLOCK;
  view.setUint32(at, magic, true);
  view.setUint8(at + 12, 9); // 512 = 1 << 9
  view.setUint8(at + 16, 1); // inodes
  view.setUint32(at + 36, blocks, true);
  view.setUint32(at + 40, 3, true); // block of the inode
  view.setUint32(at + 80, INCOMPAT.CHUNKED_FILE | INCOMPAT.DEVICE_TABLE, true);
  view.setUint16(at + 86, 1, true); // devices
  view.setUint16(at + 88, (at + size) / DEVICE_SLOT, true);
  view.setUint32(at + size + 64, blocks, true);
  const inode = 3 * 512;
  view.setUint16(inode, 1 | LAYOUT.FLAT_INLINE << 1, true);
  view.setUint16(inode + 4, 0o40755, true);
  view.setUint8(inode + 8, 2 * 12 + 3);
  view.setUint8(inode + 20, 1);
  view.setUint8(inode + 44, 2);
  for (const [entry, name] of [[64, 24], [76, 25]] as const) {
    view.setUint16(inode + entry + 8, name, true);
    view.setUint8(inode + entry + 10, 2);
  }
  bytes.fill(0x2e, inode + 64 + 24, inode + 64 + 27); // "." and ".."
  return bytes;
}
