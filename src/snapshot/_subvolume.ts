/**
 * Subvolumes of btrfs, by ioctl: directories that can be copied and deleted as a whole.
 *
 * @see https://man7.org/linux/man-pages/man2/BTRFS_IOC_SUBVOL_CREATE.2.html
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { CtrError } from "../errors.ts";
import { AT, ERRNO, O } from "../linux/mod.ts";
import { O_ARCH, SYS } from "../program/mod.ts";
import {
  check,
  closeFd,
  cstring,
  DT_DIR,
  fail,
  openAt,
  openDirectoryAt,
  readDirectory,
  statusAt,
  toBytes,
  toByteString,
} from "./_at.ts";

const SUBVOL_CREATE = 0x5000940e;
const SNAP_DESTROY = 0x5000940f;
const SNAP_CREATE_V2 = 0x50009417;
/** Where the name is in `struct btrfs_ioctl_vol_args`, and in its second version. */
const NAME_AT = 8;
const NAME_AT_V2 = 56;
/** Inode of a subvolume's root: BTRFS_FIRST_FREE_OBJECTID. */
const ROOT_INODE = 256;

/** Make an empty subvolume. @throws {CtrError} `failed_precondition` where there is no btrfs. */
export function createSubvolume(directory: string, name: string): void {
  inDirectory(directory, (fd) => {
    expect(directory, sys(SYS.ioctl, fd, SUBVOL_CREATE, request(NAME_AT, name)));
    const chmod = sys(SYS.fchmodat, fd, cstring(name), 0o755); // the umask was obeyed
    check("prepare snapshot", "fchmodat", toByteString(directory), chmod);
  });
}

/** Make a subvolume that has the content of another, and shares its blocks. */
export function snapshotSubvolume(from: string, directory: string, name: string): void {
  const path = toByteString(from);
  const flags = O.O_RDONLY | O_ARCH.O_DIRECTORY | O_ARCH.O_NOFOLLOW;
  const source = check("snapshot", "openat", path, openAt(AT.AT_FDCWD, path, flags));
  try {
    inDirectory(directory, (fd) => {
      const bytes = request(NAME_AT_V2, name);
      new DataView(bytes.buffer).setBigInt64(0, BigInt(source), true);
      expect(directory, sys(SYS.ioctl, fd, SNAP_CREATE_V2, bytes));
    });
  } finally {
    closeFd(source);
  }
}

/**
 * Delete a subvolume; that it does not exist is fine. Those that a container made inside go first.
 *
 * @returns false when it is none.
 */
export function deleteSubvolume(directory: string, name: string): boolean {
  const path = toByteString(directory);
  const fd = openDirectoryAt(AT.AT_FDCWD, path);
  if (fd === -ERRNO.ENOENT) return false;
  check("remove", "openat", path, fd);
  try {
    return destroy(fd, toByteString(name));
  } finally {
    closeFd(fd);
  }
}

function destroy(parent: number, name: string): boolean {
  const status = statusAt(parent, name);
  if (typeof status === "number" || status.ino !== ROOT_INODE) return false;
  const attempt = (): number => sys(SYS.ioctl, parent, SNAP_DESTROY, request(NAME_AT, name));
  let result = attempt();
  if (result === -ERRNO.ENOTEMPTY) {
    destroyBelow(parent, name);
    result = attempt();
  }
  if (result < 0 && result !== -ERRNO.ENOENT) throw fail("remove", "ioctl", name, result);
  return true;
}

/** Anybody may make a subvolume in a directory that is theirs, so hostile code may have. */
function destroyBelow(parent: number, name: string): void {
  const fd = openDirectoryAt(parent, name);
  if (fd < 0) return;
  try {
    for (const entry of readDirectory(fd, name)) {
      if (entry.type !== DT_DIR) continue;
      if (!destroy(fd, entry.name)) destroyBelow(fd, entry.name);
    }
  } finally {
    closeFd(fd);
  }
}

function request(nameAt: number, name: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4096);
  bytes.set(toBytes(name), nameAt);
  return bytes;
}

function inDirectory(directory: string, work: (fd: number) => void): void {
  const path = toByteString(directory);
  const fd = check("prepare snapshot", "openat", path, openDirectoryAt(AT.AT_FDCWD, path));
  try {
    work(fd);
  } finally {
    closeFd(fd);
  }
}

function expect(directory: string, result: number): void {
  if (result === -ERRNO.ENOTTY) {
    throw new CtrError({
      code: "failed_precondition",
      operation: "use snapshotter",
      subject: "btrfs",
      reason: `${directory} is not on a btrfs file system`,
      hint: "put the data root on one, or use another snapshotter",
    });
  }
  check("prepare snapshot", "ioctl", toByteString(directory), result);
}
