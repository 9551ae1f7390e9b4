/**
 * The index of a chain is written once, whoever needs it, under the lock of the file that it is written
 * to. What a killed process left there the next one overwrites, or `removeUnfinished` deletes.
 *
 * @module
 */

import { rmSync } from "node:fs";
import { CtrError } from "../../errors.ts";
import { exists, tryLockFile } from "../../program/mod.ts";
import type { SnapshotTable } from "../../state/mod.ts";
import { type IndexedLayer, writeChainIndex } from "./chain_index.ts";

/** Write the index at `path` unless it is there, or somebody else is just doing it. */
export async function writeOnce(path: string, layers: readonly IndexedLayer[]): Promise<void> {
  while (!exists(path)) {
    const lock = tryLockFile(unfinished(path), { create: true });
    if (lock === "missing") {
      throw new CtrError({
        code: "not_found",
        operation: "index layers",
        subject: path,
        reason: "the snapshot was removed meanwhile",
      });
    }
    if (lock === "busy") {
      await new Promise((resolve) => setTimeout(resolve, 2));
      continue;
    }
    try {
      if (!exists(path)) writeChainIndex(path, layers, unfinished(path));
    } finally {
      rmSync(unfinished(path), { force: true });
      lock.release();
    }
  }
}

/** Delete indexes of a snapshotter that nobody writes any more. */
export function removeUnfinished(root: string, table: SnapshotTable): void {
  for (const row of table.list()) {
    const path = unfinished(`${root}/${row.number}/index`);
    if (row.kind !== "committed" || !exists(path)) continue;
    const lock = tryLockFile(path);
    if (typeof lock === "string") continue;
    rmSync(path, { force: true });
    lock.release();
  }
}

function unfinished(path: string): string {
  return `${path}.new`;
}
