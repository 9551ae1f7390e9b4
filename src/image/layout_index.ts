/**
 * Tells other tools which images the content store has, in the `index.json` of its OCI layout.
 *
 * @module
 */

import { lock, type State } from "../state/mod.ts";
import { familiarName } from "./name.ts";
import type { Descriptor, ImageSources } from "./sources.ts";
import { isUnnamed } from "./unnamed.ts";

const REF_NAME = "org.opencontainers.image.ref.name";

/** Write the names of all images. Ours is the database; this follows it. */
export async function writeLayoutIndex(state: State, { blobs }: ImageSources): Promise<void> {
  if (blobs.writeIndex === undefined) return;
  // The images are listed under the lock, so that what is written last is what is right.
  using _alone = await lock(state.dirs, "layout-index");
  await blobs.writeIndex(layoutIndex(state));
}

/** What the layout offers. */
export function layoutIndex(state: State): Descriptor[] {
  return state.images.list().map(({ name, target }) => ({
    ...target,
    ...isUnnamed(name) ? {} : { annotations: { [REF_NAME]: familiarName(name) } },
  }));
}
