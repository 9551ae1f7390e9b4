/**
 * flock(2) on files that may be removed or renamed by whoever holds their lock. The kernel gives a lock
 * back when its holder dies, however it dies.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { CtrError } from "../errors.ts";
import { AT, ERRNO, errnoName, O } from "../linux/mod.ts";
import { close } from "./calls.ts";
import { SYS } from "./syscalls.ts";

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;
const STATX_INO = 0x100;

/** A lock that is held until released. Releasing twice is harmless. */
export interface FileLock extends Disposable {
  release(): void;
}

/** How to {@link tryLockFile}. */
export interface LockFileOptions {
  /** Make the file, 0600, when it is missing. Its directory must exist. */
  readonly create?: boolean;
  /** Several may hold it at once, unless one holds it exclusively. */
  readonly shared?: boolean;
}

/**
 * Lock the file that has this name now.
 *
 * @returns the lock, `"busy"` while somebody else holds it, or `"missing"` when there is no such file.
 * @throws {CtrError} when the file cannot be opened.
 */
export function tryLockFile(
  path: string,
  { create = false, shared = false }: LockFileOptions = {},
): FileLock | "busy" | "missing" {
  const name = new TextEncoder().encode(path + "\0");
  const flags = O.O_RDWR | O.O_CLOEXEC | (create ? O.O_CREAT : 0);
  for (;;) {
    const fd = sys(SYS.openat, AT.AT_FDCWD, name, flags, 0o600);
    if (fd === -ERRNO.ENOENT) return "missing";
    if (fd < 0) throw failed(path, "cannot open the lock file", fd);
    const result = sys(SYS.flock, fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB);
    if (result === 0 && identity(fd) === identity(name)) return held(fd);
    close(fd);
    // Who held it before may have removed or renamed it: then the name is another file's, or nobody's.
    if (result === 0) continue;
    if (result === -ERRNO.EAGAIN || result === -ERRNO.EINTR) return "busy";
    throw failed(path, "flock failed", result);
  }
}

/** Device and inode of a descriptor or name; undefined when there is none. */
function identity(of: number | Uint8Array): string | undefined {
  const bytes = new Uint8Array(256);
  const result = typeof of === "number"
    ? sys(SYS.statx, of, new Uint8Array(1), AT.AT_EMPTY_PATH, STATX_INO, bytes)
    : sys(SYS.statx, AT.AT_FDCWD, of, 0, STATX_INO, bytes);
  if (result < 0) return undefined;
  const view = new DataView(bytes.buffer);
  const device = `${view.getUint32(136, true)}:${view.getUint32(140, true)}`;
  return `${device}/${view.getBigUint64(32, true)}`;
}

function held(fd: number): FileLock {
  let open = true;
  const release = (): void => {
    if (!open) return;
    open = false;
    // Not only closed: a child that is being cloned at this moment has the descriptor too.
    sys(SYS.flock, fd, LOCK_UN);
    close(fd);
  };
  return { release, [Symbol.dispose]: release };
}

function failed(subject: string, reason: string, result: number): CtrError {
  return new CtrError({
    code: result === -ERRNO.EACCES ? "permission_denied" : "internal",
    operation: "lock",
    subject,
    reason: `${reason} (${errnoName(-result)})`,
  });
}
