/**
 * Opening the one SQLite file: cheap when it exists, race-safe when it does not.
 *
 * The last connection of a WAL database that closes moves the log into the file and waits for two
 * fsyncs, 4 ms at the end of every command. So each process holds a shared lock of its own on the
 * file (an open-file-description lock, which conflicts with SQLite's exclusive one even in the same
 * process): closing then leaves the log where it is. It is moved when it exceeds
 * {@link CHECKPOINT_PAGES}; reading it when opening costs 0.36 ms per MB.
 *
 * @module
 */

import { DatabaseSync, type StatementSync } from "node:sqlite";
import { arch, sys } from "../../ffi/mod.ts";
import { CtrError } from "../errors.ts";
import { O, SYSCALLS_AARCH64, SYSCALLS_X86_64 } from "../linux/mod.ts";
import { MIGRATIONS } from "./schema.ts";

const CHECKPOINT_PAGES = 400;
const BUSY_TIMEOUT_MS = 10_000;
const F_OFD_SETLK = 37;
/** Where SQLite keeps its shared lock: https://www.sqlite.org/src/doc/trunk/src/os.h */
const SHARED_FIRST = 0x40000002;
const SHARED_SIZE = 510;

const NR = arch === "x86_64" ? SYSCALLS_X86_64 : SYSCALLS_AARCH64;

/** A value that SQLite stores. */
export type SqlValue = string | number | null;
/** A row as SQLite returns it. */
export type Row = Readonly<Record<string, SqlValue>>;

/** The open database: prepared statements are kept by their text. */
export interface Database {
  get(sql: string, ...values: SqlValue[]): Row | undefined;
  all(sql: string, ...values: SqlValue[]): Row[];
  run(sql: string, ...values: SqlValue[]): { changes: number; rowId: number };
  /** Run `work` in `BEGIN IMMEDIATE`; inside another transaction it joins that one. */
  transaction<T>(work: () => T): T;
  close(): void;
}

/** Locks by path: a process's POSIX locks vanish when it closes any descriptor of the file. */
const holders = new Map<string, { fd: number; users: number }>();

/**
 * Open or create `DIR/ctr.db`.
 *
 * @throws {CtrError} `failed_precondition` when a newer ctr made it.
 */
export function openDatabase(dir: string): Database {
  const path = `${dir}/ctr.db`;
  let fd = holders.get(path)?.fd ?? openFile(path);
  if (fd < 0) {
    createFile(dir, path);
    fd = openFile(path);
  }
  let db: DatabaseSync;
  try {
    db = new DatabaseSync(path);
    db.exec(
      `PRAGMA busy_timeout=${BUSY_TIMEOUT_MS};PRAGMA synchronous=NORMAL;` +
        `PRAGMA wal_autocheckpoint=${CHECKPOINT_PAGES}`,
    );
    migrate(db, path);
  } catch (cause) {
    if (fd >= 0 && !holders.has(path)) sys(NR.close, fd);
    if (cause instanceof CtrError) throw cause;
    throw new CtrError({
      code: "internal",
      operation: "open",
      subject: path,
      reason: (cause as Error).message,
      cause,
    });
  }
  hold(path, fd);
  return wrap(db, path);
}

function openFile(path: string): number {
  return sys(NR.openat, -100, new TextEncoder().encode(path + "\0"), O.O_RDWR | O.O_CLOEXEC, 0);
}

/** SQLite gives the log files the mode of the database, so it is made here, 0600. */
function createFile(dir: string, path: string): void {
  const { mkdirSync } = process.getBuiltinModule("node:fs");
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const flags = O.O_RDWR | O.O_CREAT | O.O_EXCL | O.O_CLOEXEC;
  const fd = sys(NR.openat, -100, new TextEncoder().encode(path + "\0"), flags, 0o600);
  if (fd >= 0) sys(NR.close, fd);
}

function hold(path: string, fd: number): void {
  const held = holders.get(path);
  if (held !== undefined) {
    held.users++;
    return;
  }
  const lock = new DataView(new ArrayBuffer(32)); // struct flock: l_type 0 (F_RDLCK), l_whence 0
  lock.setBigInt64(8, BigInt(SHARED_FIRST), true);
  lock.setBigInt64(16, BigInt(SHARED_SIZE), true);
  sys(NR.fcntl, fd, F_OFD_SETLK, new Uint8Array(lock.buffer)); // failing costs time, nothing else
  holders.set(path, { fd, users: 1 });
}

function release(path: string): void {
  const held = holders.get(path);
  if (held === undefined || --held.users > 0) return;
  holders.delete(path);
  sys(NR.close, held.fd);
}

function userVersion(db: DatabaseSync): number {
  return (db.prepare("PRAGMA user_version").get() as { user_version: number }).user_version;
}

function migrate(db: DatabaseSync, path: string): void {
  let version = userVersion(db);
  if (version === MIGRATIONS.length) return;
  if (version === 0) becomeWal(db);
  db.exec("BEGIN IMMEDIATE");
  try {
    version = userVersion(db); // another process may have been first
    if (version > MIGRATIONS.length) {
      throw new CtrError({
        code: "failed_precondition",
        operation: "open",
        subject: path,
        reason: `its schema version is ${version} and this ctr knows ${MIGRATIONS.length}`,
        hint: "a newer ctr made it; use that one, or another --data-root",
      });
    }
    for (; version < MIGRATIONS.length; version++) db.exec(MIGRATIONS[version]!);
    db.exec(`PRAGMA user_version=${version}`);
    db.exec("COMMIT");
  } catch (error) {
    db.exec("ROLLBACK");
    throw error;
  }
}

/** The switch to WAL does not wait for a busy file as other statements do: try until it is done. */
function becomeWal(db: DatabaseSync): void {
  const deadline = Date.now() + BUSY_TIMEOUT_MS;
  for (;;) {
    try {
      db.exec("PRAGMA journal_mode=WAL");
      return;
    } catch (error) {
      if (Date.now() > deadline || !/locked|busy/.test((error as Error).message)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}

function wrap(db: DatabaseSync, path: string): Database {
  const statements = new Map<string, StatementSync>();
  let depth = 0;
  let open = true;
  const prepare = (sql: string): StatementSync => {
    let statement = statements.get(sql);
    if (statement === undefined) statements.set(sql, statement = db.prepare(sql));
    return statement;
  };
  return {
    get: (sql, ...values) => prepare(sql).get(...values) as Row | undefined,
    all: (sql, ...values) => prepare(sql).all(...values) as unknown as Row[],
    run: (sql, ...values) => {
      const { changes, lastInsertRowid } = prepare(sql).run(...values);
      return { changes: Number(changes), rowId: Number(lastInsertRowid) };
    },
    transaction: (work) => {
      if (depth > 0) return work();
      db.exec("BEGIN IMMEDIATE");
      depth++;
      try {
        const result = work();
        db.exec("COMMIT");
        return result;
      } catch (error) {
        db.exec("ROLLBACK");
        throw error;
      } finally {
        depth--;
      }
    },
    close: () => {
      if (!open) return;
      open = false;
      db.close();
      release(path);
    },
  };
}

/** True when an insert failed because the row exists. */
export function isUniqueViolation(error: unknown): boolean {
  return /UNIQUE constraint failed/.test((error as Error | null)?.message ?? "");
}

/** True when a change would leave a reference to a row that is not there. */
export function isForeignKeyViolation(error: unknown): boolean {
  return /FOREIGN KEY constraint failed/.test((error as Error | null)?.message ?? "");
}
