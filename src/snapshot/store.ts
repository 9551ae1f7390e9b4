/**
 * What all snapshotters that keep directories have in common: records in the store, a numbered
 * directory per snapshot under `DATA/snapshots/NAME/`, and the order in which the two change.
 *
 * A record is inserted before its directory is made, and removed before it is deleted. So a crash
 * leaves a directory without a record, which `cleanup` finds, or an active snapshot that cannot be
 * mounted but can be removed. Numbers are never given twice.
 *
 * Each operation of a container's start and end is one SQL statement, or two: the first use of
 * anything costs 0.1 ms in a new process, more than running it.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { AT, ERRNO } from "../linux/mod.ts";
import { ProgramBuilder, type Ref, run } from "../program/mod.ts";
import {
  ensureSpreadDirectory,
  isForeignKeyViolation,
  isUniqueViolation,
  type SnapshotRow,
  type State,
} from "../state/mod.ts";
import { fail, mkdirAt, toByteString } from "./_at.ts";
import { deleteTreeAt } from "./_delete_tree.ts";
import type { ApplyTarget, DeleteLater, Mount, SnapshotInfo, Snapshotter, Usage } from "./types.ts";

/** What differs between directory snapshotters. Paths are `DATA/snapshots/NAME/NUMBER`. */
export interface Driver {
  readonly name: string;
  readonly rebase: boolean;
  /** Fill the new, empty directory of `chain[0]`; the others are its ancestors, parent first. */
  create(dir: string, chain: readonly SnapshotRow[]): void;
  /** Before what is left of a directory is deleted as one, file by file. May be interrupted. */
  destroy?(dir: string): void;
  mounts(root: string, chain: readonly SnapshotRow[]): readonly Mount[];
  /** Called instead of `mounts` after `create`. */
  applyTarget(root: string, row: SnapshotRow): ApplyTarget;
  /** Make a snapshot that was mounted before mountable again. */
  prepareRemount?(root: string, chain: readonly SnapshotRow[]): void;
  /** All there may be in the directory of a container that wrote nothing, deepest first. */
  readonly traces?: { readonly written: Traces; readonly kept: Traces };
  /** Labels that a committed snapshot gets from its directory. */
  commitLabels?(root: string, row: SnapshotRow): Readonly<Record<string, string>>;
  /** The directories whose content counts as this snapshot's own. */
  contents(root: string, row: SnapshotRow): readonly string[];
  /** A directory that those of `contents` share their blocks with, and only what differs counts. */
  below?(root: string, chain: readonly SnapshotRow[]): string | undefined;
  layers(root: string, chain: readonly SnapshotRow[]): readonly string[];
}

/** Files, and then directories. */
interface Traces {
  readonly files: readonly string[];
  readonly directories: readonly string[];
}

/** Label of a snapshot that was prepared with `volatile`. */
export const VOLATILE = "ctr.volatile";

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
  ): readonly Mount[] => {
    const parents = parent === undefined ? [] : table.chain(parent);
    if (parent !== undefined && parents[0]?.kind !== "committed") {
      throw parents[0] === undefined
        ? missing("prepare snapshot", parent)
        : wrong("prepare snapshot", key, `its parent "${parent}" is not committed`);
    }
    const row = { name: key, kind, parent: parents[0]?.number, labels, createdAt: Date.now() };
    const number = insert(row, parent);
    const chain = [{ ...row, number, bytes: 0, inodes: 0 }, ...parents];
    try {
      makeDirectory(driver, root, number);
      driver.create(`${root}/${number}`, chain);
    } catch (error) {
      table.remove(key);
      deleteNumbered(driver, root, number, Infinity);
      throw error;
    }
    return driver.mounts(root, chain);
  };
  const insert = (
    row: Parameters<typeof table.insert>[0],
    parent: string | undefined,
  ): number => {
    try {
      return table.insert(row);
    } catch (error) {
      if (isUniqueViolation(error)) throw exists("prepare snapshot", row.name, error);
      if (isForeignKeyViolation(error)) throw missing("prepare snapshot", parent ?? "");
      throw error;
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
  const measure = async (chain: readonly SnapshotRow[]): Promise<Usage> => {
    const contents = driver.contents(root, chain[0]!);
    const below = contents.length === 0 ? undefined : driver.below?.(root, chain);
    if (below === undefined) return (await import("./usage.ts")).diskUsage(contents);
    return (await import("./compare_trees.ts")).changedUsage(contents[0]!, below);
  };
  const deleteLater = (number: number): void => {
    const job = (async () => {
      do await new Promise((resolve) => setTimeout(resolve, 0)); while (
        !deleteNumbered(driver, root, number, REMOVE_PER_SLICE)
      );
    })().catch(() => {}).finally(() => background.delete(job)); // cleanup() tries again
    background.add(job);
  };
  const leave = (number: number, later: DeleteLater | undefined): void => {
    if (later === undefined) return deleteLater(number);
    driver.destroy?.(`${root}/${number}`); // only files are left to others
    later(`${root}/${number}`);
  };
  const settled = async (): Promise<void> => {
    while (background.size > 0) await Promise.all(background);
  };

  return {
    name: driver.name,
    rebase: driver.rebase,
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
      const usage = options.usage ?? await measure(chainOf("commit snapshot", key));
      state.transaction(() => {
        const row = find("commit snapshot", key);
        if (row.kind !== "active") throw wrong("commit snapshot", key, `it is ${row.kind}`);
        if (table.get(name) !== undefined) throw exists("commit snapshot", name, undefined);
        let parent = row.parent;
        if (options.parent !== undefined) {
          if (!driver.rebase) throw wrong("commit snapshot", key, "its parent cannot change");
          const above = find("commit snapshot", options.parent);
          if (above.kind !== "committed") {
            throw wrong("commit snapshot", key, `its parent "${options.parent}" is not committed`);
          }
          parent = above.number;
        }
        const made = driver.commitLabels?.(root, row) ?? {};
        const { [VOLATILE]: _, ...labels } = { ...row.labels, ...options.labels, ...made };
        table.commit(row.number, { name, parent, labels, ...usage });
      });
    },
    mounts: async (key, options = {}) => {
      const chain = chainOf("mount snapshot", key);
      if (chain[0]!.kind === "committed") {
        throw wrong("mount snapshot", key, "it is committed; prepare or view it");
      }
      if (options.mounted !== true) driver.prepareRemount?.(root, chain);
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
      const chain = chainOf("measure snapshot", name);
      const { kind, bytes, inodes } = chain[0]!;
      return kind === "committed" ? { bytes, inodes } : measure(chain);
    },
    walk: async function* () {
      const rows = table.list();
      const names = new Map(rows.map((row) => [row.number, row.name]));
      for (const row of rows) yield info(row, names);
    },
    remove: async (name, options = {}) => {
      const isLarge = options.later !== undefined &&
        (table.get(name)?.inodes ?? 0) > REMOVE_AT_ONCE;
      let number: number | undefined;
      try {
        number = table.remove(name);
      } catch (error) {
        throw isForeignKeyViolation(error)
          ? wrong("remove snapshot", name, "other snapshots are based on it")
          : error;
      }
      if (number === undefined) throw missing("remove snapshot", name);
      if (removeTraces(driver, `${root}/${number}`, options.behind)) return;
      if (!isLarge && deleteNumbered(driver, root, number, REMOVE_AT_ONCE)) return;
      leave(number, options.later);
    },
    cleanup: async (later) => {
      const { orphans } = await import("./cleanup.ts");
      for (const number of orphans(root, table)) leave(number, later);
      await settled();
    },
    settled,
    close: () => {},
  };
}

/** The snapshotter's own directory is made when the first snapshot is. */
function makeDirectory(driver: Driver, root: string, number: number): void {
  const path = toByteString(`${root}/${number}`);
  let result = mkdirAt(AT.AT_FDCWD, path, 0o700);
  if (result === -ERRNO.ENOENT) {
    ensureSpreadDirectory(root);
    result = mkdirAt(AT.AT_FDCWD, path, 0o700);
  } else if (result === -ERRNO.EEXIST) { // the database was replaced, the directories were not
    deleteNumbered(driver, root, number, Infinity);
    result = mkdirAt(AT.AT_FDCWD, path, 0o700);
  }
  if (result < 0) throw fail("prepare snapshot", "mkdirat", path, result);
}

/** For a container that wrote nothing, in two steps. Returns whether it is one. */
function removeTraces({ traces }: Driver, path: string, behind?: ProgramBuilder): boolean {
  if (traces === undefined) return false;
  const first = new ProgramBuilder("remove");
  const results = removeSteps(first, path, traces.written).map(run(first));
  if (results.some((result) => result < 0 && result !== -ERRNO.ENOENT)) return false;
  const rest = behind ?? new ProgramBuilder("remove");
  removeSteps(rest, path, { ...traces.kept, directories: [...traces.kept.directories, ""] });
  if (behind === undefined) run(rest);
  return true;
}

/** Returns the results of removing the directories. */
function removeSteps(p: ProgramBuilder, path: string, { files, directories }: Traces): Ref[] {
  const remove = (name: string, flags: number) =>
    p.step("unlinkat", [AT.AT_FDCWD, `${path}/${name}`, flags], { mayFail: true });
  for (const name of files) remove(name, 0);
  return directories.map((name) => remove(name, AT.AT_REMOVEDIR));
}

function deleteNumbered(driver: Driver, root: string, number: number, budget: number): boolean {
  driver.destroy?.(`${root}/${number}`);
  return deleteTreeAt(AT.AT_FDCWD, toByteString(`${root}/${number}`), { left: budget });
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
