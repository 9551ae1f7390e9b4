/**
 * Image records, and what each of them means on a platform.
 *
 * @module
 */

import type { Database, Row } from "./database.ts";
import type { ImageRecord, ImageVariant } from "./types.ts";

/** The images of a store; all synchronous. */
export interface ImageTable {
  get(name: string): ImageRecord | undefined;
  /** The record, what it is on a platform, and whether a snapshotter has its layers: one query. */
  find(name: string, platform: string, snapshotter: string): FoundImage | undefined;
  /** Insert or replace by name; `createdAt` of an existing record stays. */
  put(image: ImageRecord): void;
  /** Newest first. */
  list(): ImageRecord[];
  /** All names of one target digest. */
  named(digest: string): ImageRecord[];
  /** @returns whether it existed. */
  remove(name: string): boolean;
  /** What `target` (an index or manifest digest) is on `platform`. */
  variant(target: string, platform: string): ImageVariant | undefined;
  /** All known variants, or those of one target. */
  variants(target?: string): ImageVariant[];
  putVariant(variant: ImageVariant): void;
  removeVariants(target: string): void;
  /** Variants whose image ID is, or starts with, this: `sha256:9f8e…`, at least 1 hex digit. */
  variantsById(prefix: string): ImageVariant[];
}

/** What {@link ImageTable.find} found. */
export interface FoundImage {
  readonly record: ImageRecord;
  readonly variant: ImageVariant | undefined;
  readonly unpacked: boolean;
}

const VARIANT = "target, platform, manifest, id, chain_id, size, config";

/** The image table over an open database. */
export function imageTable(db: Database): ImageTable {
  return {
    get: (name) => toImage(db.get("SELECT * FROM images WHERE name = ?", name)),
    find: (name, platform, snapshotter) => {
      const row = db.get(
        `SELECT i.name, i.digest, i.media_type, i.size AS target_size, i.labels, i.created_at,
           i.updated_at, v.*, v.chain_id = '' OR EXISTS (
             SELECT 1 FROM snapshots s
             WHERE s.snapshotter = ? AND s.name = v.chain_id AND s.kind = 'committed'
           ) AS unpacked
         FROM images i LEFT JOIN variants v ON v.target = i.digest AND v.platform = ?
         WHERE i.name = ?`,
        snapshotter,
        platform,
        name,
      );
      return row && {
        record: toRecord(row, "target_size"),
        variant: row["target"] === null ? undefined : toVariant(row),
        unpacked: row["unpacked"] === 1,
      };
    },
    put: ({ name, target, labels, createdAt, updatedAt }) => {
      db.run(
        `INSERT INTO images (name, digest, media_type, size, labels, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET digest = excluded.digest,
           media_type = excluded.media_type, size = excluded.size, labels = excluded.labels,
           updated_at = excluded.updated_at`,
        name,
        target.digest,
        target.mediaType,
        target.size,
        JSON.stringify(labels),
        createdAt,
        updatedAt,
      );
    },
    list: () => db.all("SELECT * FROM images ORDER BY created_at DESC, name").map(toExistingImage),
    named: (digest) =>
      db.all("SELECT * FROM images WHERE digest = ? ORDER BY name", digest).map(toExistingImage),
    remove: (name) => db.run("DELETE FROM images WHERE name = ?", name).changes > 0,
    variant: (target, platform) => {
      const sql = `SELECT ${VARIANT} FROM variants WHERE target = ? AND platform = ?`;
      const row = db.get(sql, target, platform);
      return row && toVariant(row);
    },
    variants: (target) =>
      (target === undefined
        ? db.all(`SELECT ${VARIANT} FROM variants`)
        : db.all(`SELECT ${VARIANT} FROM variants WHERE target = ?`, target)).map(toVariant),
    putVariant: (v) => {
      db.run(
        `INSERT OR REPLACE INTO variants (${VARIANT}) VALUES (?, ?, ?, ?, ?, ?, ?)`,
        v.target,
        v.platform,
        v.manifest,
        v.id,
        v.chainId,
        v.size,
        v.config,
      );
    },
    removeVariants: (target) => void db.run("DELETE FROM variants WHERE target = ?", target),
    variantsById: (prefix) =>
      db.all(`SELECT ${VARIANT} FROM variants WHERE id >= ? AND id < ?`, prefix, prefix + "g")
        .map(toVariant),
  };
}

function toImage(row: Row | undefined): ImageRecord | undefined {
  return row && toExistingImage(row);
}

function toExistingImage(row: Row): ImageRecord {
  return toRecord(row, "size");
}

function toRecord(row: Row, size: string): ImageRecord {
  return {
    name: row["name"] as string,
    target: {
      mediaType: row["media_type"] as string,
      digest: row["digest"] as string,
      size: row[size] as number,
    },
    labels: JSON.parse(row["labels"] as string),
    createdAt: row["created_at"] as number,
    updatedAt: row["updated_at"] as number,
  };
}

function toVariant(row: Row): ImageVariant {
  return {
    target: row["target"] as string,
    platform: row["platform"] as string,
    manifest: row["manifest"] as string,
    id: row["id"] as string,
    chainId: row["chain_id"] as string,
    size: row["size"] as number,
    config: row["config"] as string,
  };
}
