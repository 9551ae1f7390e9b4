/**
 * The content store's words: bytes that are named by their digest.
 *
 * @module
 */

/** An OCI content descriptor. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  /** Where the bytes are besides, for layers that registries may not distribute. */
  readonly urls?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Bytes by digest. A blob appears whole or not at all, and never changes. */
export interface BlobStore {
  has(digest: string): Promise<boolean>;
  /** All bytes of a small blob, verified. @throws {CtrError} `not_found`, `data_loss`. */
  read(digest: string): Promise<Uint8Array>;
  /** Store bytes. @returns their digest. */
  write(bytes: Uint8Array): Promise<string>;
  /** Begin a blob that comes in pieces. */
  create(): BlobWriter;
  /** Bytes of a blob, or undefined when it is not here. */
  size(digest: string): Promise<number | undefined>;
  /** @returns whether it existed. */
  remove(digest: string): Promise<boolean>;
  list(): AsyncIterable<string>;
  /** Delete what interrupted writes left. Only while nobody writes. */
  removePartial(): Promise<void>;
  /** The bytes of a blob as they are stored, from an offset on. */
  stream(digest: string, start?: number): AsyncIterable<Uint8Array>;
  /** The uncompressed tar of a stored layer. */
  layer(layer: Descriptor): AsyncIterable<Uint8Array>;
}

/** A blob in the making; one of `commit` and `abort` ends it. */
export interface BlobWriter {
  write(bytes: Uint8Array): void;
  /** It appears, whole, under its SHA-256 digest. */
  commit(): { readonly digest: string; readonly size: number };
  /** Nothing stays. */
  abort(): void;
}

/** Blobs on disk, and what a download needs besides. */
export interface BlobDirectory extends BlobStore {
  /**
   * Pass bytes on while they are stored as the blob of `descriptor`. It appears when `source` ends
   * without an error, which must mean that size and digest are right; else nothing stays.
   */
  ingest(
    descriptor: Descriptor,
    source: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array, void>;
  /** Replace `index.json`: what the layout offers to other tools, by `ref.name` annotation. */
  writeIndex(manifests: readonly Descriptor[]): Promise<void>;
}
