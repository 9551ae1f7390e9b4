/**
 * Fills a new tmpfs with what the image has at its place: the mount option `tmpcopyup`.
 *
 * What the image has is hostile. Nothing is reached by a path: each name is looked up in the directory
 * that is open, no link is followed, and what is mounted in the image's tree is not entered.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { AT, ERRNO, O, RESOLVE, S } from "../linux/mod.ts";
import {
  call,
  close,
  O_ARCH,
  openHow,
  ProgramBuilder,
  restoreDumpable,
  run,
  SYS,
  syscallError,
  type SyscallName,
} from "../program/mod.ts";
import { deviceNumber } from "./device_steps.ts";

const WITHIN = RESOLVE.RESOLVE_BENEATH | RESOLVE.RESOLVE_NO_XDEV | RESOLVE.RESOLVE_NO_SYMLINKS;
const READ = O.O_RDONLY | O.O_CLOEXEC | O.O_NONBLOCK | O_ARCH.O_NOFOLLOW;
const OPEN_FILE = openHow(READ, WITHIN);
const OPEN_DIRECTORY = openHow(READ | O_ARCH.O_DIRECTORY, WITHIN);
const HERE = new Uint8Array([0x2e, 0]);
const NOTHING = new Uint8Array(1);

/** What the kernel knows of a file. */
interface Status {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly device: number;
  /** `struct timespec[2]`: of access and of change. */
  readonly times: Uint8Array;
}

/**
 * Copy a directory's content, with owners, modes and times.
 *
 * @param from a descriptor of the directory, also one that only names it
 * @param to one of an empty directory; what is made belongs first to its owner, who is somebody in its
 * user namespace
 * @throws {SyscallError} when there is not enough room, and whatever else may be
 */
export function copyUp(from: number, to: number, subject: string): void {
  const maker = statusOf(to, NOTHING, AT.AT_EMPTY_PATH, subject);
  const source = call("openat2", subject, from, HERE, OPEN_DIRECTORY, OPEN_DIRECTORY.length);
  try {
    copyEntries(source, to, { maker, subject });
  } finally {
    close(source);
  }
}

/** Who makes files, and what errors are about. */
interface Copying {
  readonly maker: Pick<Status, "uid" | "gid">;
  readonly subject: string;
}

function copyEntries(from: number, to: number, copying: Copying): void {
  for (const name of namesIn(from, copying.subject)) {
    const status = statusOf(from, name, AT.AT_SYMLINK_NOFOLLOW, copying.subject);
    const type = status.mode & S.S_IFMT;
    if (type === S.S_IFDIR) copyDirectory(from, to, name, copying);
    else if (type === S.S_IFREG) copyFile(from, to, name, copying);
    else if (type === S.S_IFLNK) {
      const target = new Uint8Array(4097);
      call("readlinkat", copying.subject, from, name, target, 4096);
      make(copying, "symlinkat", [target, to, name]);
    } else if (type !== S.S_IFSOCK) {
      make(copying, "mknodat", [to, name, type | 0o600, status.device]);
    }
    if (type !== S.S_IFSOCK) give(to, name, status, copying.subject);
  }
}

function copyDirectory(from: number, to: number, name: Uint8Array, copying: Copying): void {
  const { subject } = copying;
  make(copying, "mkdirat", [to, name, 0o700]);
  const source = sys(SYS.openat2, from, name, OPEN_DIRECTORY, OPEN_DIRECTORY.length);
  if (source === -ERRNO.EXDEV) return; // a place for what is mounted there
  if (source < 0) call("openat2", subject, from, name, OPEN_DIRECTORY, OPEN_DIRECTORY.length);
  try {
    const made = call("openat2", subject, to, name, OPEN_DIRECTORY, OPEN_DIRECTORY.length);
    try {
      copyEntries(source, made, copying);
    } finally {
      close(made);
    }
  } finally {
    close(source);
  }
}

function copyFile(from: number, to: number, name: Uint8Array, copying: Copying): void {
  const { subject } = copying;
  const flags = O.O_WRONLY | O.O_CREAT | O.O_EXCL | O_ARCH.O_NOFOLLOW | O.O_CLOEXEC;
  const made = make(copying, "openat", [to, name, flags, 0o600]);
  try {
    const source = sys(SYS.openat2, from, name, OPEN_FILE, OPEN_FILE.length);
    if (source === -ERRNO.EXDEV) return;
    if (source < 0) call("openat2", subject, from, name, OPEN_FILE, OPEN_FILE.length);
    try {
      while (call("sendfile", subject, made, source, 0, 1 << 30) > 0);
    } finally {
      close(source);
    }
  } finally {
    close(made);
  }
}

/** Make a file as somebody who has an id in the user namespace that the file system belongs to. */
function make(
  { maker, subject }: Copying,
  name: SyscallName,
  args: readonly (number | Uint8Array)[],
): number {
  const NOBODY = -1; // changes nothing and tells who it is
  const same = sys(SYS.setfsuid, NOBODY) === maker.uid && sys(SYS.setfsgid, NOBODY) === maker.gid;
  if (same) return call(name, subject, ...args);
  const p = new ProgramBuilder("copy");
  const gid = p.step("setfsgid", [maker.gid]);
  const uid = p.step("setfsuid", [maker.uid]);
  // Whatever comes of it: this thread must be who it was.
  const made = p.step(name, args, { mayFail: true });
  p.step("setfsuid", [uid]);
  p.step("setfsgid", [gid]);
  const result = run(p)(made);
  restoreDumpable();
  if (result < 0) throw syscallError(name, [], -result, { operation: p.name, subject });
  return result;
}

/** Owner, as far as the file system and this process may say it, mode and times. */
function give(directory: number, name: Uint8Array, status: Status, subject: string): void {
  const { uid, gid, mode, times } = status;
  sys(SYS.fchownat, directory, name, uid, gid, AT.AT_SYMLINK_NOFOLLOW);
  if ((mode & S.S_IFMT) !== S.S_IFLNK) {
    call("fchmodat", subject, directory, name, mode & 0o7777);
  }
  call("utimensat", subject, directory, name, times, AT.AT_SYMLINK_NOFOLLOW);
}

function statusOf(directory: number, name: Uint8Array, flags: number, subject: string): Status {
  const STATX_BASIC = 0x7ff;
  const buffer = new Uint8Array(256);
  call("statx", subject, directory, name, flags, STATX_BASIC, buffer);
  const view = new DataView(buffer.buffer);
  const times = new Uint8Array(32);
  for (const [to, from] of [[0, 64], [16, 112]] as const) {
    times.set(buffer.subarray(from, from + 12), to); // the nanoseconds of the one have 4 bytes less
  }
  return {
    mode: view.getUint16(28, true),
    uid: view.getUint32(20, true),
    gid: view.getUint32(24, true),
    device: deviceNumber(view.getUint32(128, true), view.getUint32(132, true)),
    times,
  };
}

/** The names in a directory, NUL-terminated. */
function namesIn(directory: number, subject: string): Uint8Array[] {
  const names: Uint8Array[] = [];
  const buffer = new Uint8Array(32768);
  const view = new DataView(buffer.buffer);
  while (true) {
    const end = call("getdents64", subject, directory, buffer, buffer.length);
    if (end === 0) return names;
    for (let at = 0; at < end;) {
      const size = view.getUint16(at + 16, true);
      const name = buffer.slice(at + 19, buffer.indexOf(0, at + 19) + 1);
      const dots = name[0] === 0x2e && (name[1] === 0 || (name[1] === 0x2e && name[2] === 0));
      if (!dots) names.push(name);
      at += size;
    }
  }
}
