/**
 * `docker image prune`: images that nobody uses, and what else nobody needs.
 *
 * @module
 */

import type { ImagesOptions } from "./images.ts";
import { listImages } from "./list.ts";
import { removeNames } from "./remove.ts";
import { sweep } from "./sweep.ts";
import type { ImageRemoval, ImageSummary } from "./types.ts";

/** Which images go. */
export interface PruneImagesOptions {
  /** Those with tags too. Images of containers stay in any case. */
  readonly all?: boolean;
  readonly matches?: (image: ImageSummary) => boolean;
}

/** What went. */
export interface PrunedImages {
  readonly removals: readonly ImageRemoval[];
  /** Given back by images, and by what interrupted commands had left. */
  readonly bytes: number;
}

/** Remove images that no container was made from, and collect the garbage of dead processes. */
export async function pruneImages(
  options: ImagesOptions,
  { all = false, matches = () => true }: PruneImagesOptions = {},
): Promise<PrunedImages> {
  const { state } = options;
  const removals = state.transaction(() =>
    listImages(options)
      .filter(({ repoTags }) => all || repoTags.length === 0)
      .filter(matches)
      .filter(({ platforms }) =>
        platforms.every(({ id }) => state.containers.ofImage(id).length === 0)
      )
      .flatMap(({ id, names }) => {
        const records = names.flatMap((name) => state.images.get(name) ?? []);
        return removeNames(state, id, records, {});
      })
  );
  const { snapshots, bytes } = await sweep(options);
  return { removals: [...removals, ...snapshots.map((deleted) => ({ deleted }))], bytes };
}
