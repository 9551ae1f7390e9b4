/**
 * The content store and registry client that images use unless told otherwise.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { blobDirectory } from "./blob_directory.ts";
import type { ImagesOptions } from "./images.ts";
import type { ImageSources } from "./sources.ts";

/** Where the images of a store come from. */
export async function sourcesOf({ sources, state }: ImagesOptions): Promise<ImageSources> {
  if (sources !== undefined) return sources;
  return {
    blobs: blobDirectory(`${state.dirs.data}/content`),
    remote: (name) => {
      throw new CtrError({
        code: "not_implemented",
        operation: "pull",
        subject: name,
        reason: "there is no registry client",
      });
    },
  };
}
