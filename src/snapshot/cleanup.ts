/**
 * Finding the directories that a crash left behind.
 *
 * @module
 */

import { close, exists, O_ARCH, open } from "../program/mod.ts";
import type { SnapshotTable } from "../state/mod.ts";
import { readDirectory } from "./_at.ts";

/**
 * Numbers of directories under `root` without a record. Directories are listed first: a directory
 * appears after its record, so one that is listed had a record before the records are read.
 */
export function orphans(root: string, table: SnapshotTable): number[] {
  if (!exists(root)) return [];
  const fd = open(root, O_ARCH.O_DIRECTORY);
  try {
    const numbers = readDirectory(fd, root)
      .filter((entry) => /^[0-9]+$/.test(entry.name))
      .map((entry) => Number(entry.name));
    const known = new Set(table.list().map((row) => row.number));
    return numbers.filter((number) => !known.has(number));
  } finally {
    close(fd);
  }
}
