/**
 * The native snapshotter: every snapshot is a full copy of its parent, `DATA/snapshots/native/N/fs`.
 * Right on every file system; large and slow, but where the file system shares blocks between files
 * (xfs, btrfs), where only names are copied.
 *
 * @module
 */

import { ensureDirectory } from "../program/mod.ts";
import type { SnapshotRow, State } from "../state/mod.ts";
import { copyTree } from "./copy_tree.ts";
import { makeRoot, makeWritable, renewWork, subtreeMounts, subtrees } from "./overlay.ts";
import { directorySnapshotter, type Driver } from "./store.ts";
import type { Mount, Snapshotter } from "./types.ts";

/** What drivers have in common whose snapshots are whole trees, `N/fs`. */
const wholeTrees = {
  rebase: false,
  mounts: copyMounts,
  prepareRemount: renewWork,
  applyTarget: (root, row) => ({ root: `${root}/${row.number}/fs`, whiteouts: "delete" }),
  contents: (root, row) => row.kind === "view" ? [] : [`${root}/${row.number}/fs`],
  layers: (root, [row]) => [`${root}/${row!.number}/fs`],
} satisfies Omit<Driver, "name" | "create">;

/** The same, where a tree always shares its blocks with its parent's. */
export const sharingTrees = {
  ...wholeTrees,
  below: (root, [, parent]) => parent && `${root}/${parent.number}/fs`,
} satisfies Omit<Driver, "name" | "create">;

const driver: Driver = {
  ...wholeTrees,
  name: "native",
  create: (dir, [row, parent, ...above]) => {
    if (parent === undefined) makeRoot(`${dir}/fs`, undefined);
    else if (row!.kind === "active") {
      makeSubtrees(dir, [parent, ...above]);
      copyTree(directoryOf(dir, parent), `${dir}/fs`);
      ensureDirectory(`${dir}/copied`); // what has changed since has a later ctime
    }
  },
};

/** The native snapshotter of a store. */
export function nativeSnapshotter(state: State): Snapshotter {
  return directorySnapshotter(driver, state);
}

/** Where a container writes what it changes in directories of the host. */
export function makeSubtrees(dir: string, parents: readonly SnapshotRow[]): void {
  if (subtrees(parents).length > 0) makeWritable(dir, parents);
}

/** The mounts of a snapshot whose directory has everything. A view is its parent, read-only. */
function copyMounts(root: string, [row, ...parents]: readonly SnapshotRow[]): Mount[] {
  const [parent] = parents;
  const writable = row!.kind === "active";
  const number = writable || parent === undefined ? row!.number : parent.number;
  return [
    {
      type: "bind",
      source: `${root}/${number}/fs`,
      options: ["rbind", writable ? "rw" : "ro"],
    },
    ...subtreeMounts(`${root}/${row!.number}`, row!, parents),
  ];
}

/** The files of a parent, for the directory `dir` of a snapshot. */
export function directoryOf(dir: string, parent: SnapshotRow): string {
  return `${dir.slice(0, dir.lastIndexOf("/"))}/${parent.number}/fs`;
}
