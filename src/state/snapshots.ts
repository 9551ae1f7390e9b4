/**
 * Snapshot records: the tree of names. What a snapshot is on disk is its snapshotter's business.
 *
 * @module
 */

import type { Database, Row } from "./database.ts";

/** A stored snapshot. */
export interface SnapshotRow {
  /** Names its directory; never given twice. */
  readonly number: number;
  readonly name: string;
  readonly kind: "committed" | "active" | "view";
  /** Number of the parent. */
  readonly parent: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: number;
  /** Usage as measured at commit; 0 before. */
  readonly bytes: number;
  readonly inodes: number;
}

/** The snapshots of one snapshotter; all synchronous. */
export interface SnapshotTable {
  get(name: string): SnapshotRow | undefined;
  /** The snapshot of this name and its ancestors, itself first; empty without one. One query. */
  chain(name: string): SnapshotRow[];
  /** @returns its number. Throws SQLite's UNIQUE error when the name exists, or that of a lost parent. */
  insert(row: Omit<SnapshotRow, "number" | "bytes" | "inodes">): number;
  /** Rename and freeze an active snapshot. */
  commit(
    number: number,
    row: Pick<SnapshotRow, "name" | "parent" | "labels" | "bytes" | "inodes">,
  ): void;
  list(): SnapshotRow[];
  /** Call it something else, so that nobody finds it any more. */
  rename(number: number, name: string): void;
  /** @returns its number, if it existed. Throws SQLite's FOREIGN KEY error when it has children. */
  remove(name: string): number | undefined;
}

/** The snapshot table of one snapshotter over an open database. */
export function snapshotTable(db: Database, snapshotter: string): SnapshotTable {
  return {
    get: (name) => {
      const sql = "SELECT * FROM snapshots WHERE snapshotter = ? AND name = ?";
      const row = db.get(sql, snapshotter, name);
      return row && toSnapshot(row);
    },
    chain: (name) =>
      db.all(
        `WITH RECURSIVE chain AS (
           SELECT *, 0 AS depth FROM snapshots WHERE snapshotter = ? AND name = ?
           UNION ALL
           SELECT s.*, depth + 1 FROM snapshots s JOIN chain ON s.number = chain.parent
         ) SELECT * FROM chain ORDER BY depth`,
        snapshotter,
        name,
      ).map(toSnapshot),
    insert: ({ name, kind, parent, labels, createdAt }) =>
      db.run(
        `INSERT INTO snapshots (snapshotter, name, kind, parent, labels, created_at)
         VALUES (?, ?, ?, ?, ?, ?)`,
        snapshotter,
        name,
        kind,
        parent ?? null,
        JSON.stringify(labels),
        createdAt,
      ).rowId,
    commit: (number, { name, parent, labels, bytes, inodes }) => {
      db.run(
        `UPDATE snapshots SET kind = 'committed', name = ?, parent = ?, labels = ?, bytes = ?,
           inodes = ? WHERE number = ?`,
        name,
        parent ?? null,
        JSON.stringify(labels),
        bytes,
        inodes,
        number,
      );
    },
    list: () =>
      db.all("SELECT * FROM snapshots WHERE snapshotter = ? ORDER BY number", snapshotter)
        .map(toSnapshot),
    rename: (number, name) =>
      void db.run("UPDATE snapshots SET name = ? WHERE number = ?", name, number),
    remove: (name) => {
      const sql = "DELETE FROM snapshots WHERE snapshotter = ? AND name = ? RETURNING number";
      return db.get(sql, snapshotter, name)?.["number"] as number | undefined;
    },
  };
}

function toSnapshot(row: Row): SnapshotRow {
  const labels = row["labels"] as string;
  return {
    number: row["number"] as number,
    name: row["name"] as string,
    kind: row["kind"] as SnapshotRow["kind"],
    parent: (row["parent"] as number | null) ?? undefined,
    labels: labels === "{}" ? {} : JSON.parse(labels),
    createdAt: row["created_at"] as number,
    bytes: row["bytes"] as number,
    inodes: row["inodes"] as number,
  };
}
