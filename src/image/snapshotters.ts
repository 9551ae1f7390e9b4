/**
 * The snapshotters of a store that have anything.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { openSnapshotter, type Snapshotter, SNAPSHOTTERS } from "../snapshot/mod.ts";
import type { ImagesOptions } from "./images.ts";

/** Open them; the one in use is there already. */
export async function usedSnapshotters(
  { state, snapshotter }: Pick<ImagesOptions, "state" | "snapshotter">,
): Promise<readonly Snapshotter[]> {
  const used = SNAPSHOTTERS.filter((name) => existsSync(`${state.dirs.data}/snapshots/${name}`));
  return await Promise.all(
    used.map((name) => name === snapshotter.name ? snapshotter : openSnapshotter(name, state)),
  );
}
