/**
 * The store: one database, its tables, its directories.
 *
 * @module
 */

import { type ContainerTable, containerTable } from "./containers.ts";
import { type Database, openDatabase } from "./database.ts";
import { type ImageTable, imageTable } from "./images.ts";
import type { LeaseTable } from "./leases.ts";
import { type SnapshotTable, snapshotTable } from "./snapshots.ts";
import type { Directories } from "./types.ts";

/** An open store. Everything is synchronous; nothing is cached, other processes write too. */
export interface State {
  readonly dirs: Directories;
  /** For tables that are loaded when they are needed. */
  readonly database: Database;
  readonly images: ImageTable;
  readonly containers: ContainerTable;
  snapshots(snapshotter: string): SnapshotTable;
  /** Loaded when something is to be held or collected; a start does neither. */
  leases(): Promise<LeaseTable>;
  /** What is wrong with the database, a line each. */
  check(thorough: boolean): Promise<readonly string[]>;
  /** `BEGIN IMMEDIATE` … `COMMIT`; rolled back when `work` throws. Joins an open one. */
  transaction<T>(work: () => T): T;
  /** Idempotent. A process may also just end. */
  close(): void;
}

/**
 * Open the store under `dirs.data`, creating it (directory 0700, files 0600) when it is missing.
 * Open and first insert cost about 1 ms on Bun.
 *
 * @throws {CtrError} `failed_precondition` when a newer ctr made it.
 */
export function openState(dirs: Directories): State {
  const db = openDatabase(dirs.data);
  return {
    dirs,
    database: db,
    images: imageTable(db),
    containers: containerTable(db),
    snapshots: (snapshotter) => snapshotTable(db, snapshotter),
    leases: async () => (await import("./leases.ts")).leaseTable(db, `${dirs.data}/leases`),
    check: async (thorough) => (await import("./check.ts")).checkDatabase(db, thorough),
    transaction: db.transaction,
    close: db.close,
  };
}
