/**
 * Container records, found by what a person types.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { type Database, isUniqueViolation } from "./database.ts";
import type { ContainerRecord } from "./types.ts";

/** The containers of a store; all synchronous. */
export interface ContainerTable {
  /** By full ID. */
  get(id: string): ContainerRecord | undefined;
  /**
   * By full ID, else name, else unique prefix of an ID, as Docker does.
   * @param operation the verb of the error's message; default `find container`.
   * @throws {CtrError} `not_found`; `invalid_argument` when several IDs have this prefix.
   */
  resolve(reference: string, operation?: string): ContainerRecord;
  /** @throws {CtrError} `conflict` when the name, or ID, is in use. */
  insert(container: ContainerRecord): void;
  /** Newest first. */
  list(): ContainerRecord[];
  /** Those made from this image ID. */
  ofImage(imageId: string): ContainerRecord[];
  /**
   * Change fields of a stored record in one transaction.
   * @throws {CtrError} `not_found`, or `conflict` when a new name is in use.
   */
  update(id: string, change: Partial<Omit<ContainerRecord, "id">>): ContainerRecord;
  /** @returns whether it existed. */
  remove(id: string): boolean;
}

/** The container table over an open database. */
export function containerTable(db: Database): ContainerTable {
  const get = (id: string): ContainerRecord | undefined => {
    const row = db.get("SELECT record FROM containers WHERE id = ?", id);
    return row && JSON.parse(row["record"] as string);
  };
  const conflict = (name: string, operation: string, cause: unknown): CtrError => {
    const owner = db.get("SELECT id FROM containers WHERE name = ?", name)?.["id"];
    return new CtrError({
      code: "conflict",
      operation,
      subject: name,
      reason: owner === undefined
        ? "its ID is in use"
        : `the container name "/${name}" is already in use by container "${owner}"`,
      hint: "remove (or rename) that container to be able to reuse that name",
      cause,
    });
  };
  return {
    get,
    resolve: (reference, operation = "find container") => {
      const row = db.get(
        "SELECT record FROM containers WHERE id = ?1 OR name = ?2 ORDER BY id = ?1 DESC LIMIT 1",
        reference,
        reference.startsWith("/") ? reference.slice(1) : reference,
      );
      if (row !== undefined) return JSON.parse(row["record"] as string);
      const rows = /^[0-9a-f]{1,63}$/.test(reference)
        ? db.all(
          "SELECT record FROM containers WHERE id >= ? AND id < ? LIMIT 2",
          reference,
          reference + "g",
        )
        : [];
      if (rows.length === 1) return JSON.parse(rows[0]!["record"] as string);
      throw new CtrError({
        code: rows.length === 0 ? "not_found" : "invalid_argument",
        operation,
        subject: reference,
        reason: rows.length === 0 ? "no such container" : "multiple IDs found with provided prefix",
      });
    },
    insert: (container) => {
      try {
        db.run(
          "INSERT INTO containers (id, name, image_id, created_at, record) VALUES (?, ?, ?, ?, ?)",
          container.id,
          container.name,
          container.imageId,
          container.createdAt,
          JSON.stringify(container),
        );
      } catch (error) {
        throw isUniqueViolation(error)
          ? conflict(container.name, "create container", error)
          : error;
      }
    },
    list: () =>
      db.all("SELECT record FROM containers ORDER BY created_at DESC, id")
        .map((row) => JSON.parse(row["record"] as string)),
    ofImage: (imageId) =>
      db.all("SELECT record FROM containers WHERE image_id = ? ORDER BY created_at DESC", imageId)
        .map((row) => JSON.parse(row["record"] as string)),
    update: (id, change) =>
      db.transaction(() => {
        const old = get(id);
        if (old === undefined) {
          throw new CtrError({
            code: "not_found",
            operation: "update container",
            subject: id,
            reason: "no such container",
          });
        }
        const next = { ...old, ...change, id };
        try {
          db.run(
            "UPDATE containers SET name = ?, image_id = ?, record = ? WHERE id = ?",
            next.name,
            next.imageId,
            JSON.stringify(next),
            id,
          );
        } catch (error) {
          throw isUniqueViolation(error) ? conflict(next.name, "rename container", error) : error;
        }
        return next;
      }),
    remove: (id) => db.run("DELETE FROM containers WHERE id = ?", id).changes > 0,
  };
}
