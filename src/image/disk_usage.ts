/**
 * `docker system df`: what images take on disk, and what of it they share.
 *
 * @module
 */

import { SNAPSHOTTERS } from "../snapshot/mod.ts";
import type { SnapshotRow } from "../state/mod.ts";
import { sourcesOf } from "./default_sources.ts";
import type { ImagesOptions } from "./images.ts";
import { listImages } from "./list.ts";
import { mark } from "./mark.ts";
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
  const layersOf = layerFinder(options);
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
        for (const [name, { bytes }] of layersOf(chainId)) {
          parts.add(name);
          sizes.set(name, bytes);
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

/** The committed snapshots of a chain, by a name of their own, whichever snapshotters have it. */
function layerFinder({ state }: ImagesOptions): (chainId: string) => Map<string, SnapshotRow> {
  const tables = SNAPSHOTTERS.map((name) => {
    const rows = state.snapshots(name).list();
    const byNumber = new Map(rows.map((row) => [row.number, row]));
    return { name, byNumber, byName: new Map(rows.map((row) => [row.name, row])) };
  });
  return (chainId) => {
    const layers = new Map<string, SnapshotRow>();
    for (const { name, byName, byNumber } of tables) {
      let row = chainId === "" ? undefined : byName.get(chainId);
      while (row !== undefined) {
        layers.set(`${name}/${row.number}`, row);
        row = row.parent === undefined ? undefined : byNumber.get(row.parent);
      }
    }
    return layers;
  };
}
