/**
 * Tells other tools which images the content store has, in the `index.json` of its OCI layout.
 *
 * @module
 */

import type { State } from "../state/mod.ts";
import { familiarName } from "./name.ts";
import type { ImageSources } from "./sources.ts";
import { isUnnamed } from "./unnamed.ts";

const REF_NAME = "org.opencontainers.image.ref.name";

/** Write the names of all images. Ours is the database; this follows it. */
export async function writeLayoutIndex(state: State, { blobs }: ImageSources): Promise<void> {
  await blobs.writeIndex?.(
    state.images.list().map(({ name, target }) => ({
      ...target,
      ...isUnnamed(name) ? {} : { annotations: { [REF_NAME]: familiarName(name) } },
    })),
  );
}
