/**
 * Whether the database is whole.
 *
 * @module
 */

import type { Database } from "./database.ts";

/** What SQLite finds wrong, a line each. @param thorough compares indexes with tables too */
export function checkDatabase(db: Database, thorough: boolean): string[] {
  const name = thorough ? "integrity_check" : "quick_check";
  const lines = db.all(`PRAGMA ${name}`).map((row) => String(row[name]));
  const lost = db.all("PRAGMA foreign_key_check").map(({ parent, table }) =>
    `a row of ${table} refers to one of ${parent} that is not there`
  );
  return [...lines.filter((line) => line !== "ok"), ...lost];
}
