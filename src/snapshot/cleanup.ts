/**
 * Finding the directories that a crash left behind.
 *
 * @module
 */

import { close, exists, O_ARCH, open } from "../program/mod.ts";
import type { SnapshotTable, State } from "../state/mod.ts";
import { readDirectory } from "./_at.ts";

/**
 * Numbers of directories under `root` without a record. Looks while no other process can be between
 * making a directory and committing its record, because both happen in one write transaction.
 */
export function orphans(root: string, state: State, table: SnapshotTable): number[] {
  if (!exists(root)) return [];
  return state.transaction(() => {
    const known = new Set(table.list().map((row) => row.number));
    const fd = open(root, O_ARCH.O_DIRECTORY);
    try {
      return readDirectory(fd, root)
        .filter((entry) => /^[0-9]+$/.test(entry.name))
        .map((entry) => Number(entry.name))
        .filter((number) => !known.has(number));
    } finally {
      close(fd);
    }
  });
}
