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
import { openMerged } from "./_merged.ts";
import { SUBTREES } from "./overlay.ts";
import { tarOfTree } from "./tree_tar.ts";
import type { Snapshotter } from "./types.ts";

/** Directories of an active snapshot. */
export interface ContainerLayers {
  readonly upper: string;
  /** Topmost first. */
  readonly lowers: readonly string[];
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
  const { parent } = await snapshotter.stat(key);
  for (let name = parent; name !== undefined;) {
    const info = await snapshotter.stat(name);
    if (SUBTREES in info.labels) {
      throw unable(operation, key, "it is made of this machine, as the image host is");
    }
    name = info.parent;
  }
  return { upper, lowers: parent === undefined ? [] : await snapshotter.layers(parent) };
}

/**
 * Layers laid over each other, topmost first.
 *
 * @returns a descriptor.
 * @throws {CtrError} `not_implemented` where layers are no directories of files.
 */
export function openLayers(snapshotter: Snapshotter, layers: readonly string[]): number {
  if (snapshotter.name === "overlayfs") return openMerged(layers);
  throw unable("read layers", snapshotter.name, "this snapshotter does not keep them as files");
}

/** The archive of all that a container sees of its image and its own. */
export async function* tarOfContainer(
  snapshotter: Snapshotter,
  key: string,
): AsyncGenerator<Uint8Array, void> {
  const target = await snapshotter.applyTarget(key);
  if (target.whiteouts === "delete") { // all of it is there, and nothing is hidden
    yield* tarOfDirectory(target.root);
    return;
  }
  const { upper, lowers } = await containerLayers(snapshotter, key, "export container");
  yield* closing(openLayers(snapshotter, [upper, ...lowers]), (fd) => tarOfTree(fd));
}

/** The layer that a container's changes are, without what its runtime put there. */
export async function* layerOfContainer(
  snapshotter: Snapshotter,
  key: string,
): AsyncGenerator<Uint8Array, void> {
  const { upper } = await containerLayers(snapshotter, key, "commit container");
  const fd = open(upper, O.O_RDONLY | O_ARCH.O_DIRECTORY);
  yield* closing(fd, () => tarOfTree(fd, { changes: true, without: mountPoints(fd) }));
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
