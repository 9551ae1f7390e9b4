/**
 * Leases: what holds content and snapshots against garbage collection before, or while, nothing else
 * does. After containerd's, with one difference: without a daemon a lease belongs to a process, and
 * ends with it.
 *
 * A lease is a row, the rows of what it holds, and a file `DATA/leases/ID` that its process has locked
 * (flock). The kernel gives the lock back however the process dies, so whoever can lock the file knows
 * that the owner is dead. The file comes before the row and goes after it.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { type FileLock, tryLockFile } from "../program/mod.ts";
import type { Database } from "./database.ts";

/**
 * What a lease holds: an `image` is a digest and everything that its documents refer to, a `blob`
 * is a digest alone, a `snapshot` is `SNAPSHOTTER/NAME`.
 */
export type HeldKind = "image" | "blob" | "snapshot";

/** One thing that is held. */
export interface Held {
  readonly kind: HeldKind;
  readonly name: string;
}

/** A lease that this process has. Disposing of it ends it. */
export interface Lease extends Disposable {
  readonly id: string;
  /** Hold more. What is held already costs nothing. */
  hold(kind: HeldKind, names: readonly string[]): void;
  /** Nothing is held any more. Idempotent; joins an open transaction. */
  end(): void;
  /**
   * The process is done, but what it holds is worth keeping until `expiresAt`, as if the process had
   * died: another try finds it.
   */
  leave(): void;
}

/** A stored lease. */
export interface LeaseRow {
  readonly id: string;
  /** What for: `pull`. */
  readonly purpose: string;
  readonly createdAt: number;
  /** Until then an automatic collection keeps what a dead process's lease holds. */
  readonly expiresAt: number;
}

/** Which leases there were, and had been. */
export interface LeaseMoment {
  readonly last: number;
  readonly numbers: readonly number[];
}

/** The leases of a store; all synchronous. */
export interface LeaseTable {
  /** @param options.keepMs how long it holds after its process's death; default not at all. */
  take(purpose: string, options?: { readonly keepMs?: number }): Lease;
  list(): LeaseRow[];
  /** Whether the process that took it lives, and has not left it. */
  isAlive(id: string): boolean;
  /** To ask {@link endedSince} with. */
  moment(): LeaseMoment;
  /** Whether a lease has ended since, which was there then or began later. */
  endedSince(moment: LeaseMoment): boolean;
  /** What leases hold: all of them, or one. */
  held(id?: string): Held[];
  /**
   * Forget leases of dead processes.
   * @param options.now when given, only those that have expired by then.
   * @returns how many there were.
   */
  endDead(options?: { readonly now?: number }): number;
}

/** The lease table over an open database. */
export function leaseTable(db: Database, directory: string): LeaseTable {
  const fileOf = (id: string): string => `${directory}/${id}`;
  const remove = (id: string): void => {
    db.run("DELETE FROM leases WHERE id = ?", id); // and with it what it holds
  };
  const list = (): LeaseRow[] =>
    db.all("SELECT * FROM leases ORDER BY created_at, id").map((row) => ({
      id: row["id"] as string,
      purpose: row["purpose"] as string,
      createdAt: row["created_at"] as number,
      expiresAt: row["expires_at"] as number,
    }));
  const moment = (): LeaseMoment => ({
    last: (db.get("SELECT seq FROM sqlite_sequence WHERE name = 'leases'")?.["seq"] ?? 0) as number,
    numbers: db.all("SELECT number FROM leases").map(({ number }) => number as number),
  });
  return {
    moment,
    endedSince: (then) => {
      const now = moment();
      const left = new Set(now.numbers);
      const begun = now.numbers.filter((number) => number > then.last).length;
      return !then.numbers.every((number) => left.has(number)) || begun < now.last - then.last;
    },
    take: (purpose, { keepMs = 0 } = {}) => {
      const id = randomUUID();
      const file = claim(directory, fileOf(id));
      const now = Date.now();
      const sql = "INSERT INTO leases (id, purpose, created_at, expires_at) VALUES (?, ?, ?, ?)";
      db.run(sql, id, purpose, now, now + keepMs);
      const held = new Set<string>();
      let open = true;
      const close = (work: () => void): void => {
        if (!open) return;
        open = false;
        work();
        rmSync(fileOf(id), { force: true });
        file.release();
      };
      const end = (): void => close(() => remove(id));
      return {
        id,
        hold: (kind, names) => {
          const fresh = names.filter((name) => !held.has(`${kind} ${name}`));
          if (fresh.length === 0) return;
          db.transaction(() => {
            const sql = "INSERT OR IGNORE INTO held (lease, kind, name) VALUES (?, ?, ?)";
            for (const name of fresh) db.run(sql, id, kind, name);
          });
          for (const name of fresh) held.add(`${kind} ${name}`);
        },
        end,
        leave: () => keepMs > 0 ? close(() => {}) : end(),
        [Symbol.dispose]: end,
      };
    },
    list,
    isAlive: (id) => isLocked(fileOf(id)),
    held: (id) =>
      (id === undefined
        ? db.all("SELECT DISTINCT kind, name FROM held")
        : db.all("SELECT kind, name FROM held WHERE lease = ?", id))
        .map((row) => ({ kind: row["kind"] as HeldKind, name: row["name"] as string })),
    endDead: ({ now = Infinity } = {}) => {
      let ended = 0;
      for (const { id, expiresAt } of list()) {
        if (expiresAt > now || isLocked(fileOf(id))) continue;
        remove(id);
        ended++;
      }
      removeFiles(directory, new Set(list().map(({ id }) => id)));
      return ended;
    },
  };
}

/** Make the file of a lease and lock it, although somebody may take it for one of a dead process. */
function claim(directory: string, path: string): FileLock {
  for (;;) {
    const file = tryLockFile(path, { create: true });
    if (file === "missing") mkdirSync(directory, { recursive: true, mode: 0o700 });
    else if (file !== "busy") return file;
  }
}

function isLocked(path: string): boolean {
  const file = tryLockFile(path, { shared: true }); // two who look do not take each other for it
  if (file === "busy") return true;
  if (file !== "missing") file.release();
  return false;
}

/** Files whose lease is forgotten, or was never written. */
function removeFiles(directory: string, known: ReadonlySet<string>): void {
  let names: string[] = [];
  try {
    names = readdirSync(directory);
  } catch {
    return; // nobody has taken one yet
  }
  for (const name of names) {
    if (known.has(name)) continue;
    const file = tryLockFile(`${directory}/${name}`);
    if (file === "busy" || file === "missing") continue;
    rmSync(`${directory}/${name}`, { force: true });
    file.release();
  }
}
