/**
 * What images come from, in the few words that this room needs of the content store and of the
 * registry client.
 *
 * @module
 */

import type { BlobDirectory, BlobStore, Descriptor } from "../content/mod.ts";
import type { RegistryOptions } from "../pull/mod.ts";

export type { BlobStore, Descriptor };

/** An image in a registry. */
export interface RemoteImage {
  /** What the name points to. */
  readonly target: Descriptor;
  /** An index, manifest or configuration, verified, and stored as a blob. */
  document(descriptor: Descriptor): Promise<Uint8Array>;
  /**
   * The blob of a layer, while it is fetched, verified and stored. That it ends without an error
   * means that digest and size were right.
   */
  layer(
    layer: Descriptor,
    options: { onBytes?: (current: number) => void; signal?: AbortSignal },
  ): AsyncIterable<Uint8Array>;
}

/** How registries are spoken to. */
export type RegistryAccess = Omit<RegistryOptions, "repository" | "operation" | "signal">;

/** Where images come from. */
export interface ImageSources {
  readonly blobs: BlobStore & Partial<Pick<BlobDirectory, "holding" | "writeIndex">>;
  /** @param name canonical. */
  remote(
    name: string,
    options: {
      readonly registry?: RegistryAccess | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<RemoteImage>;
}
