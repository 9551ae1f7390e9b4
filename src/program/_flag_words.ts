/**
 * The flag words that only `explain` needs, and how numbers become words.
 *
 * @module
 */

import { AT, CLONE, MOUNT_ATTR, MS, O } from "../linux/mod.ts";
import { O_ARCH } from "./syscalls.ts";

/** Bits by name; a table may list composites before their parts. */
export type Words = Readonly<Record<string, number>>;

/** `A|B|0x40`: the bits of a word by name, what has no name in hexadecimal. */
export function bits(value: number, words: Words, zero = "0"): string {
  if (value === 0) return zero;
  const found: string[] = [];
  let rest = BigInt(value < 0 ? value + 2 ** 32 : value);
  for (const name in words) {
    const bit = BigInt(words[name]!);
    if (bit !== 0n && (rest & bit) === bit) {
      found.push(name);
      rest &= ~bit;
    }
  }
  if (rest !== 0n) found.push(`0x${rest.toString(16)}`);
  return found.join("|");
}

/** The name of one of several values, or the number. */
export function oneOf(value: number, words: Words): string {
  for (const name in words) if (words[name] === value) return name;
  return String(value);
}

/** open(2) flags: the access mode is a number, not bits. */
export function openFlags(value: number): string {
  const access = value & O.O_PATH
    ? ""
    : ["O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"][value & 3]!;
  const { O_RDONLY: _r, O_WRONLY: _w, O_RDWR: _rw, ...words } = O;
  const { O_TMPFILE, ...permuted } = O_ARCH;
  const others = bits(value & ~3, { O_TMPFILE, ...words, ...permuted }, "");
  return [access, others].filter((part) => part !== "").join("|");
}

/** `0644`, `S_IFCHR|0666`. */
export function fileMode(value: number): string {
  const types: Words = {
    S_IFSOCK: 0o140000,
    S_IFLNK: 0o120000,
    S_IFREG: 0o100000,
    S_IFBLK: 0o060000,
    S_IFDIR: 0o040000,
    S_IFCHR: 0o020000,
    S_IFIFO: 0o010000,
  };
  const type = value & 0o170000;
  const permissions = `0${(value & 0o7777).toString(8).padStart(3, "0")}`;
  return type === 0 ? permissions : `${oneOf(type, types)}|${permissions}`;
}

/** makedev(3) as the kernel packs it in 32 bits. */
export function device(value: number): string {
  const major = (value >>> 8) & 0xfff;
  const minor = (value & 0xff) | ((value >>> 12) & 0xfff00);
  return `makedev(${major}, ${minor})`;
}

export const MOUNT_FLAGS: Words = MS;
export const CLONE_FLAGS: Words = CLONE;
export const ATTR_FLAGS: Words = MOUNT_ATTR;
export const AT_FLAGS: Words = {
  AT_SYMLINK_NOFOLLOW: AT.AT_SYMLINK_NOFOLLOW,
  AT_SYMLINK_FOLLOW: 0x400,
  AT_EMPTY_PATH: AT.AT_EMPTY_PATH,
  AT_RECURSIVE: AT.AT_RECURSIVE,
};
export const UMOUNT_FLAGS: Words = {
  MNT_FORCE: 1,
  MNT_DETACH: 2,
  MNT_EXPIRE: 4,
  UMOUNT_NOFOLLOW: 8,
};
export const MOVE_MOUNT_FLAGS: Words = {
  MOVE_MOUNT_F_SYMLINKS: 1,
  MOVE_MOUNT_F_AUTOMOUNTS: 2,
  MOVE_MOUNT_F_EMPTY_PATH: 4,
  MOVE_MOUNT_T_SYMLINKS: 0x10,
  MOVE_MOUNT_T_AUTOMOUNTS: 0x20,
  MOVE_MOUNT_T_EMPTY_PATH: 0x40,
  MOVE_MOUNT_SET_GROUP: 0x100,
  MOVE_MOUNT_BENEATH: 0x200,
};
export const OPEN_TREE_FLAGS: Words = {
  OPEN_TREE_CLONE: 1,
  OPEN_TREE_CLOEXEC: O.O_CLOEXEC,
  ...AT_FLAGS,
};
export const FSCONFIG_COMMANDS: Words = {
  FSCONFIG_SET_FLAG: 0,
  FSCONFIG_SET_STRING: 1,
  FSCONFIG_SET_BINARY: 2,
  FSCONFIG_SET_PATH: 3,
  FSCONFIG_SET_PATH_EMPTY: 4,
  FSCONFIG_SET_FD: 5,
  FSCONFIG_CMD_CREATE: 6,
  FSCONFIG_CMD_RECONFIGURE: 7,
  FSCONFIG_CMD_CREATE_EXCL: 8,
};
export const PRCTL_OPTIONS: Words = {
  PR_SET_PDEATHSIG: 1,
  PR_SET_DUMPABLE: 4,
  PR_SET_KEEPCAPS: 8,
  PR_SET_NAME: 15,
  PR_SET_SECCOMP: 22,
  PR_CAPBSET_READ: 23,
  PR_CAPBSET_DROP: 24,
  PR_SET_SECUREBITS: 28,
  PR_SET_CHILD_SUBREAPER: 36,
  PR_SET_NO_NEW_PRIVS: 38,
  PR_CAP_AMBIENT: 47,
  PR_SET_THP_DISABLE: 41,
};
export const AMBIENT_OPTIONS: Words = {
  PR_CAP_AMBIENT_IS_SET: 1,
  PR_CAP_AMBIENT_RAISE: 2,
  PR_CAP_AMBIENT_LOWER: 3,
  PR_CAP_AMBIENT_CLEAR_ALL: 4,
};
export const IOCTLS: Words = {
  TCGETS: 0x5401,
  TCSETS: 0x5402,
  TIOCEXCL: 0x540c,
  TIOCSCTTY: 0x540e,
  TIOCGWINSZ: 0x5413,
  TIOCSWINSZ: 0x5414,
  TIOCNOTTY: 0x5422,
  TIOCGPTN: 0x80045430,
  TIOCSPTLCK: 0x40045431,
  TIOCGPTPEER: 0x5441,
  SIOCGIFFLAGS: 0x8913,
  SIOCSIFFLAGS: 0x8914,
  FS_IOC_FIEMAP: 0xc020660b,
};
export const FCNTL_COMMANDS: Words = {
  F_DUPFD: 0,
  F_GETFD: 1,
  F_SETFD: 2,
  F_GETFL: 3,
  F_SETFL: 4,
  F_DUPFD_CLOEXEC: 1030,
  F_ADD_SEALS: 1033,
};
export const CLOSE_RANGE_FLAGS: Words = { CLOSE_RANGE_UNSHARE: 2, CLOSE_RANGE_CLOEXEC: 4 };
export const SECCOMP_OPERATIONS: Words = {
  SECCOMP_SET_MODE_STRICT: 0,
  SECCOMP_SET_MODE_FILTER: 1,
};
export const SECCOMP_FLAGS: Words = {
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  SECCOMP_FILTER_FLAG_NEW_LISTENER: 8,
};
export const RENAME_FLAGS: Words = { RENAME_NOREPLACE: 1, RENAME_EXCHANGE: 2, RENAME_WHITEOUT: 4 };
export const KEYCTL_OPERATIONS: Words = {
  KEYCTL_GET_KEYRING_ID: 0,
  KEYCTL_JOIN_SESSION_KEYRING: 1,
  KEYCTL_SETPERM: 5,
};
