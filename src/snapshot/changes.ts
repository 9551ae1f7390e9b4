/**
 * `docker diff`: what a container added, changed and deleted, by its upper directory, or by
 * comparing its tree with the image's.
 *
 * @module
 */

import { O, S } from "../linux/mod.ts";
import { O_ARCH, open } from "../program/mod.ts";
import { closeFd, display, openDirectoryAt, openInRoot, readDirectory, statusAt } from "./_at.ts";
import { mountPoints } from "./_mount_points.ts";
import { isWhiteout } from "./_root.ts";
import { containerLayers } from "./container_tree.ts";
import { openLayers } from "./open_layers.ts";
import { isOpaque } from "./tree_tar.ts";
import type { Snapshotter } from "./types.ts";
import { changesOfTree, isWholeTree } from "./whole_tree.ts";

/** One path that is not as in the image. */
export interface ContainerChange {
  readonly kind: "added" | "changed" | "deleted";
  /** Absolute. */
  readonly path: string;
}

/** All changes, by path. */
export async function changesOfContainer(
  snapshotter: Snapshotter,
  key: string,
): Promise<readonly ContainerChange[]> {
  if (await isWholeTree(snapshotter, key)) {
    const { changed, deleted } = await changesOfTree(snapshotter, key, "compare container");
    const found: ContainerChange[] = [...changed]
      .map(([path, { kind }]) => ({ kind, path: `/${display(path)}` }));
    for (const path of deleted) found.push({ kind: "deleted", path: `/${display(path)}` });
    return found.sort((a, b) => a.path < b.path ? -1 : 1);
  }
  const { upper, lowers } = await containerLayers(snapshotter, key, "compare container");
  const below = lowers.length === 0 ? -1 : openLayers(lowers);
  const fd = open(upper, O.O_RDONLY | O_ARCH.O_DIRECTORY);
  try {
    const found: ContainerChange[] = [];
    compare(fd, below, "", mountPoints(fd), found);
    return found.sort((a, b) => a.path < b.path ? -1 : 1);
  } finally {
    closeFd(fd);
    if (below >= 0) closeFd(below);
  }
}

/** `lower` is -1 where the image has no such directory. */
function compare(
  upper: number,
  lower: number,
  path: string,
  without: ReadonlySet<string>,
  found: ContainerChange[],
): void {
  const add = (kind: ContainerChange["kind"], at: string): void =>
    void found.push({ kind, path: `/${display(at)}` });
  const seen = new Set<string>();
  for (const { name } of readDirectory(upper, path)) {
    seen.add(name);
    const at = path === "" ? name : `${path}/${name}`;
    const status = without.has(at) ? -1 : statusAt(upper, name);
    if (typeof status === "number") continue;
    const inImage = lower >= 0 && typeof statusAt(lower, name) !== "number";
    if (isWhiteout(status)) {
      if (inImage) add("deleted", at);
      continue;
    }
    add(inImage ? "changed" : "added", at);
    if ((status.mode & S.S_IFMT) !== S.S_IFDIR) continue;
    const child = openDirectoryAt(upper, name);
    if (child < 0) continue;
    const below = lower < 0 ? -1 : openInRoot(lower, name, O_ARCH.O_DIRECTORY | O_ARCH.O_NOFOLLOW);
    try {
      compare(child, below, at, without, found);
    } finally {
      closeFd(child);
      if (below >= 0) closeFd(below);
    }
  }
  if (lower < 0 || !isOpaque(upper)) return;
  for (const { name } of readDirectory(lower, path)) {
    if (!seen.has(name)) add("deleted", path === "" ? name : `${path}/${name}`);
  }
}
