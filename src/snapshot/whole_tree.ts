/**
 * Containers whose directory has everything, the image's files too: what they changed is found by
 * comparing it with the image's.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { AT, O } from "../linux/mod.ts";
import { O_ARCH, open } from "../program/mod.ts";
import { closeFd, statusAt, toByteString } from "./_at.ts";
import { mountPoints } from "./_mount_points.ts";
import type { TreeChanges } from "./compare_trees.ts";
import type { Snapshotter } from "./types.ts";

/** Whether the directory of an active snapshot has everything, and not only what changed. */
export async function isWholeTree(snapshotter: Snapshotter, key: string): Promise<boolean> {
  return (await snapshotter.applyTarget(key)).whiteouts === "delete";
}

/** Not everything is in the directory of a container that shows parts of this machine. */
export async function refuseSubtrees(
  snapshotter: Snapshotter,
  key: string,
  operation: string,
): Promise<void> {
  if ((await snapshotter.mounts(key, { mounted: true })).length === 1) return;
  throw new CtrError({
    code: "not_implemented",
    operation,
    subject: key.slice(0, 12),
    reason: "it is made of this machine, as the image host is",
  });
}

/** What an active snapshot that has everything has changed of its parent. */
export async function changesOfTree(
  snapshotter: Snapshotter,
  key: string,
  operation: string,
): Promise<TreeChanges> {
  await refuseSubtrees(snapshotter, key, operation);
  const { root } = await snapshotter.applyTarget(key);
  const { parent } = await snapshotter.stat(key);
  const [image] = parent === undefined ? [] : await snapshotter.layers(parent);
  const flags = O.O_RDONLY | O_ARCH.O_DIRECTORY;
  const fd = open(root, flags);
  try {
    const marker = statusAt(AT.AT_FDCWD, toByteString(`${root}/../copied`));
    const copiedAt = typeof marker === "number" ? undefined : marker.ctime;
    const below = image === undefined ? -1 : open(image, flags);
    try {
      const { compareTrees } = await import("./compare_trees.ts");
      return compareTrees(fd, below, { without: mountPoints(fd), copiedAt });
    } finally {
      if (below >= 0) closeFd(below);
    }
  } finally {
    closeFd(fd);
  }
}
