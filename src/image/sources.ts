/**
 * What images come from, in the few words that this room needs of the content store and of the
 * registry client.
 *
 * @module
 */

import type { RegistryOptions } from "../pull/mod.ts";

/** An OCI content descriptor. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The content store: bytes by digest. */
export interface BlobStore {
  has(digest: string): Promise<boolean>;
  /** All bytes of a small blob, verified. @throws {CtrError} `not_found`. */
  read(digest: string): Promise<Uint8Array>;
  /** Store bytes. @returns their digest. */
  write(bytes: Uint8Array): Promise<string>;
  /** @returns whether it existed. */
  remove(digest: string): Promise<boolean>;
  list(): AsyncIterable<string>;
  /** Delete what interrupted writes left. Only while nobody writes. */
  removePartial(): Promise<void>;
  /** The uncompressed tar of a stored layer. */
  layer(layer: Descriptor): AsyncIterable<Uint8Array>;
}

/** An image in a registry. */
export interface RemoteImage {
  /** What the name points to. */
  readonly target: Descriptor;
  /** An index, manifest or configuration, verified, and stored as a blob. */
  document(descriptor: Descriptor): Promise<Uint8Array>;
  /**
   * The uncompressed tar of a layer, while it is fetched, verified and stored. That it ends without
   * an error means that digest and size were right.
   */
  layer(
    layer: Descriptor,
    options: { onBytes?: (current: number) => void; signal?: AbortSignal },
  ): AsyncIterable<Uint8Array>;
}

/** How registries are spoken to. */
export type RegistryAccess = Pick<RegistryOptions, "credentials" | "insecure">;

/** Where images come from. */
export interface ImageSources {
  readonly blobs: BlobStore;
  /** @param name canonical. */
  remote(
    name: string,
    options: {
      readonly registry?: RegistryAccess | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<RemoteImage>;
}
