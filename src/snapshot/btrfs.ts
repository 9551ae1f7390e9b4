/**
 * The btrfs snapshotter: a snapshot is a subvolume, `DATA/snapshots/btrfs/N/fs`, made as a copy of
 * its parent's, which shares all its blocks. Needs the data root on btrfs.
 *
 * @module
 */

import type { State } from "../state/mod.ts";
import { createSubvolume, deleteSubvolume, snapshotSubvolume } from "./_subvolume.ts";
import { directoryOf, makeSubtrees, sharingTrees } from "./native.ts";
import { directorySnapshotter, type Driver } from "./store.ts";
import type { Snapshotter } from "./types.ts";

const driver: Driver = {
  ...sharingTrees,
  name: "btrfs",
  create: (dir, [row, parent, ...above]) => {
    if (parent === undefined) createSubvolume(dir, "fs");
    else if (row!.kind === "active") {
      makeSubtrees(dir, [parent, ...above]);
      snapshotSubvolume(directoryOf(dir, parent), dir, "fs");
    }
  },
  destroy: (dir) => void deleteSubvolume(dir, "fs"),
};

/** The btrfs snapshotter of a store. */
export function btrfsSnapshotter(state: State): Snapshotter {
  return directorySnapshotter(driver, state);
}
