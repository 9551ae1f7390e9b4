/**
 * How the arguments of each system call read: the part of strace that `explain` needs.
 *
 * @module
 */

import { AT, CAPABILITIES, O, RLIMITS, SIGNALS } from "../linux/mod.ts";
import type { SyscallName } from "./syscalls.ts";
import * as words from "./_flag_words.ts";

/** Words for a number, given the arguments of the whole call; none when it is not to be shown. */
export type NumberWords = (value: number, args: readonly unknown[]) => string;
/** Words for bytes. */
export type BytesWords = (bytes: Uint8Array, args: readonly unknown[]) => string;

const bits = (table: words.Words): NumberWords => (value) => words.bits(value, table);
const oneOf = (table: words.Words): NumberWords => (value) => words.oneOf(value, table);
const decimal: NumberWords = (value) => String(value);
const directory: NumberWords = (fd) => fd === AT.AT_FDCWD ? "AT_FDCWD" : String(fd);
const pointer: NumberWords = (value) => value === 0 ? "NULL" : `0x${value.toString(16)}`;
const signal = oneOf(SIGNALS);
const octal: NumberWords = (value) => `0${value.toString(8).padStart(3, "0")}`;
const atFlags = bits(words.AT_FLAGS);
const mode: NumberWords = words.fileMode;
/** The kernel looks at the mode only when the call may create; O_TMPFILE has the bit 0o20000000. */
const createMode: NumberWords = (value, [, , flags]) =>
  typeof flags === "number" && (flags & (O.O_CREAT | 0o20000000)) !== 0 ? mode(value, []) : "";

/** Arguments that are numbers, by position; missing ones read as decimal. */
export const NUMBERS: Partial<Record<SyscallName, readonly NumberWords[]>> = {
  openat: [directory, pointer, words.openFlags, createMode],
  openat2: [directory, pointer, pointer],
  mkdirat: [directory, pointer, octal],
  mknodat: [directory, pointer, mode, words.device],
  symlinkat: [pointer, directory],
  linkat: [directory, pointer, directory, pointer, atFlags],
  unlinkat: [directory, pointer, bits({ AT_REMOVEDIR: AT.AT_REMOVEDIR })],
  renameat2: [directory, pointer, directory, pointer, bits(words.RENAME_FLAGS)],
  readlinkat: [directory],
  faccessat: [directory, pointer, octal],
  statx: [directory, pointer, atFlags],
  fchmod: [decimal, octal],
  fchmodat: [directory, pointer, octal],
  fchownat: [directory, pointer, decimal, decimal, atFlags],
  utimensat: [directory, pointer, pointer, atFlags],
  umask: [octal],
  mount: [pointer, pointer, pointer, bits(words.MOUNT_FLAGS), pointer],
  umount2: [pointer, bits(words.UMOUNT_FLAGS)],
  fsopen: [pointer, bits({ FSOPEN_CLOEXEC: 1 })],
  fsconfig: [decimal, oneOf(words.FSCONFIG_COMMANDS), pointer, pointer, directory],
  fsmount: [decimal, bits({ FSMOUNT_CLOEXEC: 1 }), bits(words.ATTR_FLAGS)],
  fspick: [directory],
  open_tree: [directory, pointer, bits(words.OPEN_TREE_FLAGS)],
  move_mount: [directory, pointer, directory, pointer, bits(words.MOVE_MOUNT_FLAGS)],
  mount_setattr: [directory, pointer, atFlags, pointer],
  unshare: [bits(words.CLONE_FLAGS)],
  setns: [decimal, bits(words.CLONE_FLAGS)],
  execve: [pointer, pointer, pointer],
  execveat: [directory, pointer, pointer, pointer, atFlags],
  prctl: [
    oneOf(words.PRCTL_OPTIONS),
    (value, args) => {
      if (args[0] === 1) return signal(value, args);
      if (args[0] === 47) return words.oneOf(value, words.AMBIENT_OPTIONS);
      return args[0] === 23 || args[0] === 24 ? capability(value) : String(value);
    },
    (value, args) => args[0] === 47 && args[1] !== 4 ? capability(value) : String(value),
  ],
  prlimit64: [decimal, oneOf(RLIMITS), pointer, pointer],
  ioctl: [
    decimal,
    oneOf(words.IOCTLS),
    (value) => value > 4095 ? `0x${value.toString(16)}` : String(value),
  ],
  fcntl: [
    decimal,
    oneOf(words.FCNTL_COMMANDS),
    (value, args) => args[1] === 4 ? words.openFlags(value) : String(value),
  ],
  dup3: [decimal, decimal, bits({ O_CLOEXEC: 0o2000000 })],
  pipe2: [pointer, bits({ O_CLOEXEC: 0o2000000, O_NONBLOCK: 0o4000 })],
  close_range: [
    decimal,
    (value) => value === 0xffffffff ? "~0U" : String(value),
    bits(words.CLOSE_RANGE_FLAGS),
  ],
  seccomp: [oneOf(words.SECCOMP_OPERATIONS), bits(words.SECCOMP_FLAGS), pointer],
  keyctl: [oneOf(words.KEYCTL_OPERATIONS), pointer],
  kill: [decimal, signal],
  tgkill: [decimal, decimal, signal],
  pidfd_send_signal: [decimal, signal, pointer],
  rt_sigaction: [signal, pointer, pointer],
  rt_sigprocmask: [oneOf({ SIG_BLOCK: 0, SIG_UNBLOCK: 1, SIG_SETMASK: 2 }), pointer, pointer],
  capset: [pointer, pointer],
  setgroups: [decimal, pointer],
  wait4: [decimal, pointer, bits({ WNOHANG: 1, __WALL: 0x40000000 }), pointer],
};

/** Arguments that are bytes, by position; others read as a string or as their size. */
export const BYTES: Partial<Record<SyscallName, Readonly<Record<number, BytesWords>>>> = {
  openat2: { 2: openHow },
  capset: { 0: capHeader, 1: capData },
  prlimit64: { 2: rlimit },
  clone3: { 0: cloneArgs },
  mount_setattr: { 3: mountAttr },
  setgroups: { 1: (bytes) => `[${[...new Uint32Array(aligned(bytes))].join(", ")}]` },
  rt_sigprocmask: { 1: signalSet },
  rt_sigaction: {
    1: (bytes) => bytes.every((b) => b === 0) ? "{sa_handler=SIG_DFL}" : size(bytes),
  },
  ioctl: {
    2: (bytes, args) =>
      args[1] === 0x5414 && bytes.length === 8 ? windowSize(bytes) : numbers(bytes),
  },
  write: { 1: quoted },
  sethostname: { 0: quoted },
  setdomainname: { 0: quoted },
  fsetxattr: { 2: quoted },
  lsetxattr: { 2: quoted },
  read: { 1: () => "buffer" },
  readlinkat: { 2: () => "buffer" },
};

function capability(bit: number): string {
  return CAPABILITIES[bit] ?? String(bit);
}

function openHow(bytes: Uint8Array): string {
  const how = new DataView(aligned(bytes));
  const mode = how.getUint32(8, true);
  return `{flags=${words.openFlags(how.getUint32(0, true))}${
    mode === 0 ? "" : `, mode=${words.fileMode(mode)}`
  }, resolve=${
    words.bits(how.getUint32(16, true), {
      RESOLVE_NO_XDEV: 1,
      RESOLVE_NO_MAGICLINKS: 2,
      RESOLVE_NO_SYMLINKS: 4,
      RESOLVE_BENEATH: 8,
      RESOLVE_IN_ROOT: 16,
      RESOLVE_CACHED: 32,
    })
  }}`;
}

function capHeader(bytes: Uint8Array): string {
  const header = new DataView(aligned(bytes));
  const version = header.getUint32(0, true);
  const known = version === 0x20080522
    ? "_LINUX_CAPABILITY_VERSION_3"
    : `0x${version.toString(16)}`;
  return `{version=${known}, pid=${header.getInt32(4, true)}}`;
}

function capData(bytes: Uint8Array): string {
  const set = new Uint32Array(aligned(bytes));
  const has = (index: number, bit: number) =>
    ((set[index + (bit >> 5) * 3] ?? 0) >>> (bit & 31)) & 1;
  const names = (index: number) =>
    CAPABILITIES.filter((_, bit) => has(index, bit)).join("|") || "0";
  const [effective, permitted, inheritable] = [names(0), names(1), names(2)];
  const same = effective === permitted ? "<same>" : permitted;
  return `{effective=${effective}, permitted=${same}, inheritable=${inheritable}}`;
}

function rlimit(bytes: Uint8Array): string {
  const view = new DataView(aligned(bytes));
  const word = (at: number) => {
    const value = view.getBigUint64(at, true);
    return value === 0xffffffffffffffffn ? "RLIM_INFINITY" : String(value);
  };
  return `{rlim_cur=${word(0)}, rlim_max=${word(8)}}`;
}

function cloneArgs(bytes: Uint8Array): string {
  const view = new DataView(aligned(bytes));
  const signal = Number(view.getBigUint64(32, true));
  const flags = words.bits(Number(view.getBigUint64(0, true)), words.CLONE_FLAGS);
  return `{flags=${flags}, exit_signal=${words.oneOf(signal, SIGNALS)}}`;
}

function mountAttr(bytes: Uint8Array): string {
  const view = new DataView(aligned(bytes));
  const field = (at: number) => Number(view.getBigUint64(at, true));
  const parts = [
    ["attr_set", words.bits(field(0), words.ATTR_FLAGS)],
    ["attr_clr", words.bits(field(8), words.ATTR_FLAGS)],
    ["propagation", words.bits(field(16), words.MOUNT_FLAGS)],
    ["userns_fd", String(field(24))],
  ];
  return `{${parts.filter(([, text]) => text !== "0").map((p) => p.join("=")).join(", ")}}`;
}

function signalSet(bytes: Uint8Array): string {
  const set = new DataView(aligned(bytes)).getBigUint64(0, true);
  const names = Object.entries(SIGNALS).filter(([, n]) => (set >> BigInt(n - 1)) & 1n);
  return `[${names.map(([name]) => name.slice(3)).join(" ")}]`;
}

function windowSize(bytes: Uint8Array): string {
  const [rows, columns] = new Uint16Array(aligned(bytes));
  return `{ws_row=${rows}, ws_col=${columns}}`;
}

function numbers(bytes: Uint8Array): string {
  if (bytes.length !== 4) return size(bytes);
  return `[${new DataView(aligned(bytes)).getInt32(0, true)}]`;
}

function size(bytes: Uint8Array): string {
  return `{${bytes.length} bytes}`;
}

function quoted(bytes: Uint8Array): string {
  return JSON.stringify(new TextDecoder().decode(bytes));
}

function aligned(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer as ArrayBuffer;
}
