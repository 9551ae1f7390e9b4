/**
 * The content store and registry client that images use unless told otherwise.
 *
 * @module
 */

import { blobDirectory } from "./blob_directory.ts";
import type { ImagesOptions } from "./images.ts";
import type { ImageSources } from "./sources.ts";

/** Where the images of a store come from. */
export async function sourcesOf({ sources, state }: ImagesOptions): Promise<ImageSources> {
  if (sources !== undefined) return sources;
  const root = `${state.dirs.data}/content`;
  const blobs = blobDirectory(root);
  return {
    blobs,
    remote: async (name, options) => {
      const { remoteImage } = await import("./remote.ts");
      return await remoteImage(name, { ...options, blobs, root });
    },
  };
}
