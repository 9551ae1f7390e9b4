/**
 * Advisory locks between processes, by name: two pulls of one layer unpack it once.
 *
 * @module
 */

import { arch, sys } from "../../ffi/mod.ts";
import { CtrError } from "../errors.ts";
import { errnoName, O, SYSCALLS_AARCH64, SYSCALLS_X86_64 } from "../linux/mod.ts";
import type { Directories } from "./types.ts";

const NR = arch === "x86_64" ? SYSCALLS_X86_64 : SYSCALLS_AARCH64;
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const EAGAIN = 11;
const EINTR = 4;
const ENOENT = 2;

/** A lock that is held until released; the kernel releases it when the process dies. */
export interface Lock extends Disposable {
  release(): void;
}

/** How to take a {@link lock}. */
export interface LockOptions {
  /** Several may hold it at once, unless one holds it exclusively. */
  readonly shared?: boolean;
  /** How long to wait; 0 tries once. Default 10 minutes. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Take the lock called `name`: flock(2) on `EXEC/locks/NAME`. Within one process two holders exclude
 * each other as well. The file stays, empty: removing it would let two processes lock two files.
 *
 * @throws {CtrError} `deadline_exceeded` after `timeoutMs`, `canceled` on `signal`.
 */
export async function lock(
  dirs: Directories,
  name: string,
  options: LockOptions = {},
): Promise<Lock> {
  const path = `${dirs.exec}/locks/${name.replaceAll(/[^A-Za-z0-9_.@-]/g, "_")}`;
  const fd = openLockFile(dirs, path);
  const flags = (options.shared === true ? LOCK_SH : LOCK_EX) | LOCK_NB;
  const deadline = Date.now() + (options.timeoutMs ?? 600_000);
  // A blocking flock would stop the event loop that the holder may need: it may be this process.
  for (let waitMs = 1;; waitMs = Math.min(waitMs * 2, 50)) {
    const result = sys(NR.flock, fd, flags);
    if (result === 0) return held(fd);
    const code = failure(result, deadline, options.signal);
    if (code !== undefined) {
      sys(NR.close, fd);
      throw new CtrError({
        code,
        operation: "lock",
        subject: path,
        reason: reasonOf(result, code),
      });
    }
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}

function failure(
  result: number,
  deadline: number,
  signal: AbortSignal | undefined,
): "internal" | "canceled" | "deadline_exceeded" | undefined {
  if (result !== -EAGAIN && result !== -EINTR) return "internal";
  if (signal?.aborted === true) return "canceled";
  return Date.now() >= deadline ? "deadline_exceeded" : undefined;
}

function reasonOf(result: number, code: string): string {
  if (code === "internal") return `flock failed (${errnoName(-result)})`;
  return code === "canceled" ? "canceled while waiting" : "another process holds it";
}

function held(fd: number): Lock {
  let open = true;
  const release = (): void => {
    if (open) sys(NR.close, fd);
    open = false;
  };
  return { release, [Symbol.dispose]: release };
}

function openLockFile(dirs: Directories, path: string): number {
  const flags = O.O_RDWR | O.O_CREAT | O.O_CLOEXEC;
  const name = new TextEncoder().encode(path + "\0");
  let fd = sys(NR.openat, -100, name, flags, 0o600);
  if (fd === -ENOENT) {
    process.getBuiltinModule("node:fs")
      .mkdirSync(`${dirs.exec}/locks`, { recursive: true, mode: 0o700 });
    fd = sys(NR.openat, -100, name, flags, 0o600);
  }
  if (fd >= 0) return fd;
  throw new CtrError({
    code: fd === -13 ? "permission_denied" : "internal",
    operation: "lock",
    subject: path,
    reason: `cannot open the lock file (${errnoName(-fd)})`,
  });
}
