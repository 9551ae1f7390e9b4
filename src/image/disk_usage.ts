/**
 * `docker system df`: what images take on disk, and what of it they share.
 *
 * @module
 */

import { sourcesOf } from "./default_sources.ts";
import type { ImagesOptions } from "./images.ts";
import { listImages } from "./list.ts";
import { mark } from "./mark.ts";
import { usedSnapshotters } from "./snapshotters.ts";
import type { ImageSummary } from "./types.ts";

/** An image and its bytes: blobs as stored, and layers as each snapshotter has unpacked them. */
export interface ImageUsage {
  readonly image: ImageSummary;
  readonly size: number;
  /** The part that other images have as well. */
  readonly shared: number;
  /** How many containers were made from it. */
  readonly containers: number;
}

/** All images together. What several have counts once. */
export interface ImagesUsage {
  readonly images: readonly ImageUsage[];
  readonly size: number;
  /** What removing the images without containers would give back. */
  readonly reclaimable: number;
}

/** Measure. Layers are as large as they were when they were unpacked; nothing is walked. */
export async function imagesUsage(options: ImagesOptions): Promise<ImagesUsage> {
  const { state } = options;
  const { blobs } = await sourcesOf(options);
  const layersOf = await layerFinder(options);
  const sizes = new Map<string, number>();
  const found: { image: ImageSummary; parts: Set<string>; containers: number }[] = [];
  for (const image of listImages(options)) {
    const parts = new Set<string>();
    for (
      const target of new Set(image.names.map((name) => state.images.get(name)?.target.digest))
    ) {
      if (target === undefined) continue;
      await mark(blobs, target, parts);
      for (const { chainId } of state.images.variants(target)) {
        for (const [name, bytes] of layersOf(chainId)) {
          parts.add(name);
          if (bytes !== undefined) sizes.set(name, bytes);
        }
      }
    }
    for (const part of parts) {
      if (!sizes.has(part)) sizes.set(part, await blobs.size(part) ?? 0);
    }
    const ids = image.platforms.map(({ id }) => id);
    const containers = ids.flatMap((id) => state.containers.ofImage(id)).length;
    found.push({ image, parts, containers });
  }
  const owners = new Map<string, number>();
  for (const { parts } of found) {
    for (const part of parts) owners.set(part, (owners.get(part) ?? 0) + 1);
  }
  const sum = (parts: Iterable<string>): number =>
    [...parts].reduce((total, part) => total + sizes.get(part)!, 0);
  const size = sum(owners.keys());
  const used = new Set(
    found.filter(({ containers }) => containers > 0).flatMap(({ parts }) => [...parts]),
  );
  return {
    size,
    reclaimable: size - sum(used),
    images: found.map(({ image, parts, containers }) => ({
      image,
      containers,
      size: sum(parts),
      shared: sum([...parts].filter((part) => owners.get(part)! > 1)),
    })),
  };
}

/** What a chain takes, whichever snapshotters have it: directories with their sizes, and blobs. */
type FindLayers = (chainId: string) => Map<string, number | undefined>;

async function layerFinder(options: ImagesOptions): Promise<FindLayers> {
  const tables = (await usedSnapshotters(options)).map((snapshotter) => {
    const rows = options.state.snapshots(snapshotter.name).list();
    const byNumber = new Map(rows.map((row) => [row.number, row]));
    return { snapshotter, byNumber, byName: new Map(rows.map((row) => [row.name, row])) };
  });
  return (chainId) => {
    const layers = new Map<string, number | undefined>();
    for (const { snapshotter, byName, byNumber } of tables) {
      let row = chainId === "" ? undefined : byName.get(chainId);
      while (row !== undefined) {
        const blobs = snapshotter.blobs?.(row.name) ?? [];
        for (const digest of blobs) layers.set(digest, undefined);
        if (blobs.length === 0) layers.set(`${snapshotter.name}/${row.number}`, row.bytes);
        row = row.parent === undefined ? undefined : byNumber.get(row.parent);
      }
    }
    return layers;
  };
}
