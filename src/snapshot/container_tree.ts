/**
 * The tree of a container, whether it runs or not, and what of it the container changed. Nothing is
 * mounted where anybody sees it.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { O } from "../linux/mod.ts";
import { O_ARCH, open } from "../program/mod.ts";
import { closeFd } from "./_at.ts";
import { mountPoints } from "./_mount_points.ts";
import { type Layer, openLayers } from "./open_layers.ts";
import { tarOfTree } from "./tree_tar.ts";
import { changesOfTree, isWholeTree, refuseSubtrees } from "./whole_tree.ts";
import type { Snapshotter } from "./types.ts";

const LOWER = "lowerdir+=";

/** The layers of an active snapshot. */
export interface ContainerLayers {
  readonly upper: string;
  /** Topmost first. */
  readonly lowers: readonly Layer[];
}

/** Where the layers of an active snapshot are. @throws {CtrError} `not_implemented` for some. */
export async function containerLayers(
  snapshotter: Snapshotter,
  key: string,
  operation: string,
): Promise<ContainerLayers> {
  const { root: upper, whiteouts } = await snapshotter.applyTarget(key);
  if (whiteouts !== "overlay") {
    throw unable(operation, key, `the ${snapshotter.name} snapshotter does not tell changes`);
  }
  const [root, ...others] = await snapshotter.mounts(key, { mounted: true });
  if (others.length > 0) {
    throw unable(operation, key, "it is made of this machine, as the image host is");
  }
  const { options, lowers = [] } = root!;
  const directories = options.filter((option) => option.startsWith(LOWER))
    .map((option) => option.slice(LOWER.length));
  return { upper, lowers: [...directories, ...lowers] };
}

/** The archive of all that a container sees of its image and its own. */
export async function* tarOfContainer(
  snapshotter: Snapshotter,
  key: string,
): AsyncGenerator<Uint8Array, void> {
  const target = await snapshotter.applyTarget(key);
  if (target.whiteouts === "delete") { // all of it is there, and nothing is hidden
    await refuseSubtrees(snapshotter, key, "export container");
    yield* tarOfDirectory(target.root);
    return;
  }
  const { upper, lowers } = await containerLayers(snapshotter, key, "export container");
  yield* closing(openLayers([upper, ...lowers]), (fd) => tarOfTree(fd));
}

/** The layer that a container's changes are, without what its runtime put there. */
export async function* layerOfContainer(
  snapshotter: Snapshotter,
  key: string,
): AsyncGenerator<Uint8Array, void> {
  await refuseSubtrees(snapshotter, key, "commit container");
  const changes = await isWholeTree(snapshotter, key)
    ? await changesOfTree(snapshotter, key, "commit container")
    : true;
  const { root } = await snapshotter.applyTarget(key);
  const fd = open(root, O.O_RDONLY | O_ARCH.O_DIRECTORY);
  yield* closing(fd, () => tarOfTree(fd, { changes, without: mountPoints(fd) }));
}

/** The archive of a directory. */
export async function* tarOfDirectory(path: string): AsyncGenerator<Uint8Array, void> {
  yield* closing(open(path, O.O_RDONLY | O_ARCH.O_DIRECTORY), (fd) => tarOfTree(fd));
}

async function* closing(
  fd: number,
  work: (fd: number) => Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  try {
    for (const chunk of work(fd)) yield chunk;
  } finally {
    closeFd(fd);
  }
}

function unable(operation: string, subject: string, reason: string): CtrError {
  return new CtrError({
    code: "not_implemented",
    operation,
    subject: subject.slice(0, 12),
    reason,
  });
}
