/**
 * Advisory locks between processes, by name: two pulls of one layer unpack it once.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { type FileLock, tryLockFile } from "../program/mod.ts";
import type { Directories } from "./types.ts";

/** A lock that is held until released; the kernel releases it when the process dies. */
export type Lock = FileLock;

/** How to take a {@link lock}. */
export interface LockOptions {
  /** Several may hold it at once, unless one holds it exclusively. */
  readonly shared?: boolean;
  /** How long to wait; 0 tries once. Default 10 minutes; Infinity is possible. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Take the lock called `name`: flock(2) on `EXEC/locks/NAME`. Within one process two holders exclude
 * each other as well. The file stays, empty, until {@link removeLocks}.
 *
 * @throws {CtrError} `deadline_exceeded` after `timeoutMs`, `canceled` on `signal`.
 */
export async function lock(
  dirs: Directories,
  name: string,
  options: LockOptions = {},
): Promise<Lock> {
  const path = `${directory(dirs)}/${name.replaceAll(/[^A-Za-z0-9_.@-]/g, "_")}`;
  const deadline = Date.now() + (options.timeoutMs ?? 600_000);
  // A blocking flock would stop the event loop that the holder may need: it may be this process.
  for (let waitMs = 1;; waitMs = Math.min(waitMs * 2, 50)) {
    const lock = tryLockFile(path, { create: true, shared: options.shared === true });
    if (lock === "missing") {
      makeDirectory(dirs);
      continue;
    }
    if (lock !== "busy") return lock;
    if (options.signal?.aborted === true) throw failed(path, "canceled");
    if (Date.now() >= deadline) throw failed(path, "deadline_exceeded");
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}

/** Remove the files of locks that nobody holds. @returns their number. */
export function removeLocks(dirs: Directories): number {
  const { existsSync, readdirSync, rmSync } = process.getBuiltinModule("node:fs");
  if (!existsSync(directory(dirs))) return 0;
  let removed = 0;
  for (const name of readdirSync(directory(dirs))) {
    const path = `${directory(dirs)}/${name}`;
    const lock = tryLockFile(path);
    if (lock === "busy" || lock === "missing") continue;
    rmSync(path, { force: true });
    lock.release();
    removed++;
  }
  return removed;
}

function directory(dirs: Directories): string {
  return `${dirs.exec}/locks`;
}

function makeDirectory(dirs: Directories): void {
  process.getBuiltinModule("node:fs").mkdirSync(directory(dirs), { recursive: true, mode: 0o700 });
}

function failed(subject: string, code: "canceled" | "deadline_exceeded"): CtrError {
  const reason = code === "canceled" ? "canceled while waiting" : "another process holds it";
  return new CtrError({ code, operation: "lock", subject, reason });
}
