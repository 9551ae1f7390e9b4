/**
 * What all snapshotters that keep directories have in common: records in the store, a numbered
 * directory per snapshot under `DATA/snapshots/NAME/`, and the order in which the two change.
 *
 * A directory is made inside the transaction that inserts its record and is deleted after the one
 * that removes it. So a crash leaves directories without a record, never the reverse, and `cleanup`
 * finds them.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { ERRNO, O } from "../linux/mod.ts";
import { close, ensureDirectory, O_ARCH, open } from "../program/mod.ts";
import { isUniqueViolation, type SnapshotRow, type State } from "../state/mod.ts";
import { mkdirAt, toByteString } from "./_at.ts";
import { deleteTreeAt } from "./_delete_tree.ts";
import type { ApplyTarget, Mount, SnapshotInfo, Snapshotter, Usage } from "./types.ts";

/** What differs between directory snapshotters. Paths are `DATA/snapshots/NAME/NUMBER`. */
export interface Driver {
  readonly name: string;
  readonly rebase: boolean;
  /** Fill the new, empty directory of `chain[0]`; the others are its ancestors, parent first. */
  create(root: string, chain: readonly SnapshotRow[]): void;
  mounts(root: string, chain: readonly SnapshotRow[]): readonly Mount[];
  applyTarget(root: string, row: SnapshotRow): ApplyTarget;
  /** The directories whose content counts as this snapshot's own. */
  contents(root: string, row: SnapshotRow): readonly string[];
  layers(root: string, chain: readonly SnapshotRow[]): readonly string[];
}

/** Removals done at once by `remove`, about 1 ms; what is left goes in the background. */
const REMOVE_AT_ONCE = 100;
const REMOVE_PER_SLICE = 2000;

/** A snapshotter over a store and a driver. */
export function directorySnapshotter(driver: Driver, state: State): Snapshotter {
  const root = `${state.dirs.data}/snapshots/${driver.name}`;
  const table = state.snapshots(driver.name);
  const background = new Set<Promise<void>>();

  const add = (
    kind: "active" | "view",
    key: string,
    parent: string | undefined,
    labels: Readonly<Record<string, string>>,
  ): readonly Mount[] =>
    state.transaction(() => {
      const parents = parent === undefined ? [] : table.chain(parent);
      if (parent !== undefined && parents[0]?.kind !== "committed") {
        throw parents[0] === undefined
          ? missing("prepare snapshot", parent)
          : wrong("prepare snapshot", key, `its parent "${parent}" is not committed`);
      }
      const row = { name: key, kind, parent: parents[0]?.number, labels, createdAt: Date.now() };
      const number = insert(row);
      const made: SnapshotRow = { ...row, number, bytes: 0, inodes: 0 };
      makeDirectory(root, String(number));
      try {
        driver.create(`${root}/${number}`, [made, ...parents]);
      } catch (error) {
        deleteNumbered(root, number, Infinity);
        throw error;
      }
      return driver.mounts(root, [made, ...parents]);
    });
  const insert = (row: Parameters<typeof table.insert>[0]): number => {
    try {
      return table.insert(row);
    } catch (error) {
      throw isUniqueViolation(error) ? exists("prepare snapshot", row.name, error) : error;
    }
  };
  const find = (operation: string, name: string): SnapshotRow => {
    const row = table.get(name);
    if (row === undefined) throw missing(operation, name);
    return row;
  };
  const chainOf = (operation: string, name: string): SnapshotRow[] => {
    const chain = table.chain(name);
    if (chain.length === 0) throw missing(operation, name);
    return chain;
  };
  const info = (row: SnapshotRow, names: ReadonlyMap<number, string>): SnapshotInfo => ({
    kind: row.kind,
    name: row.name,
    parent: row.parent === undefined ? undefined : names.get(row.parent),
    labels: row.labels,
    createdAt: row.createdAt,
  });
  const measure = async (row: SnapshotRow): Promise<Usage> => {
    const { diskUsage } = await import("./usage.ts");
    return diskUsage(driver.contents(root, row));
  };
  const deleteLater = (number: number): void => {
    const job = (async () => {
      do await new Promise((resolve) => setTimeout(resolve, 0)); while (
        !deleteNumbered(root, number, REMOVE_PER_SLICE)
      );
    })().catch(() => {}).finally(() => background.delete(job)); // cleanup() tries again
    background.add(job);
  };

  return {
    name: driver.name,
    rebase: driver.rebase,
    // deno-lint-ignore require-await
    prepare: async (key, parent, options = {}) =>
      add(
        "active",
        key,
        parent,
        options.volatile === true
          ? { ...options.labels, [VOLATILE]: "true" }
          : options.labels ?? {},
      ),
    view: async (key, parent) => add("view", key, parent, {}),
    commit: async (name, key, options = {}) => {
      const usage = options.usage ?? await measure(find("commit snapshot", key));
      state.transaction(() => {
        const row = find("commit snapshot", key);
        if (row.kind !== "active") throw wrong("commit snapshot", key, `it is ${row.kind}`);
        if (table.get(name) !== undefined) throw exists("commit snapshot", name, undefined);
        let parent = row.parent;
        if (options.parent !== undefined) {
          if (!driver.rebase) throw wrong("commit snapshot", key, "its parent cannot change");
          const above = find("commit snapshot", options.parent);
          if (above.kind !== "committed") throw wrong("commit snapshot", key, "no such parent");
          parent = above.number;
        }
        const { [VOLATILE]: _, ...labels } = { ...row.labels, ...options.labels };
        table.commit(row.number, { name, parent, labels, ...usage });
      });
    },
    mounts: async (key) => {
      const chain = chainOf("mount snapshot", key);
      if (chain[0]!.kind === "committed") {
        throw wrong("mount snapshot", key, "it is committed; prepare or view it");
      }
      return driver.mounts(root, chain);
    },
    applyTarget: async (key) => {
      const row = find("unpack into snapshot", key);
      if (row.kind !== "active") throw wrong("unpack into snapshot", key, `it is ${row.kind}`);
      return driver.applyTarget(root, row);
    },
    layers: async (name) => driver.layers(root, chainOf("read snapshot", name)),
    stat: async (name) => {
      const [row, parent] = chainOf("inspect snapshot", name) as [SnapshotRow, SnapshotRow?];
      return info(row, new Map(parent ? [[parent.number, parent.name]] : []));
    },
    usage: async (name) => {
      const row = find("measure snapshot", name);
      return row.kind === "committed" ? { bytes: row.bytes, inodes: row.inodes } : measure(row);
    },
    walk: async function* () {
      const rows = table.list();
      const names = new Map(rows.map((row) => [row.number, row.name]));
      for (const row of rows) yield info(row, names);
    },
    remove: async (name) => {
      const number = state.transaction(() => {
        const row = find("remove snapshot", name);
        if (table.hasChildren(row.number)) {
          throw wrong("remove snapshot", name, "other snapshots are based on it");
        }
        table.remove(row.number);
        return row.number;
      });
      if (!deleteNumbered(root, number, REMOVE_AT_ONCE)) deleteLater(number);
    },
    cleanup: async () => {
      const { orphans } = await import("./cleanup.ts");
      for (const number of orphans(root, state, table)) deleteLater(number);
      await settled();
    },
    settled: () => settled(),
    close: () => {},
  };

  async function settled(): Promise<void> {
    while (background.size > 0) await Promise.all(background);
  }
}

/** Label of a snapshot that was prepared with `volatile`. */
export const VOLATILE = "ctr.volatile";

/** A number that a rolled-back transaction gave may come again, and find what a crash left. */
function makeDirectory(root: string, name: string): void {
  ensureDirectory(root, 0o700);
  const fd = open(root, O.O_RDONLY | O_ARCH.O_DIRECTORY);
  try {
    if (mkdirAt(fd, name, 0o700) === -ERRNO.EEXIST) {
      deleteTreeAt(fd, name, { left: Infinity });
      mkdirAt(fd, name, 0o700);
    }
  } finally {
    close(fd);
  }
}

function deleteNumbered(root: string, number: number, budget: number): boolean {
  const fd = open(root, O.O_RDONLY | O_ARCH.O_DIRECTORY);
  try {
    return deleteTreeAt(fd, toByteString(String(number)), { left: budget });
  } finally {
    close(fd);
  }
}

function missing(operation: string, subject: string): CtrError {
  return new CtrError({ code: "not_found", operation, subject, reason: "no such snapshot" });
}

function exists(operation: string, subject: string, cause: unknown): CtrError {
  const reason = "a snapshot of this name exists";
  return new CtrError({ code: "already_exists", operation, subject, reason, cause });
}

function wrong(operation: string, subject: string, reason: string): CtrError {
  return new CtrError({ code: "failed_precondition", operation, subject, reason });
}
