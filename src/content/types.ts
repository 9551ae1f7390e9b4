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
  /** Take blobs out of the store at once, however large; {@link removeUnfinished} deletes them. */
  retire(digests: readonly string[]): void;
  /**
   * Delete what was retired, and what interrupted writes left, but for downloads that `keep` wants to
   * go on with. What is being written stays.
   */
  removeUnfinished(keep?: (digest: string) => boolean): Promise<void>;
  /** Unfinished blobs that nobody writes. */
  unfinished(): AsyncIterable<Unfinished>;
  /** The bytes of a blob as they are stored, from an offset on. */
  stream(digest: string, start?: number): AsyncIterable<Uint8Array>;
  /** The uncompressed tar of a stored layer. */
  layer(layer: Descriptor): AsyncIterable<Uint8Array>;
}

/** What an interrupted write left. */
export interface Unfinished {
  readonly name: string;
  /** Of the blob that it would have become, where that is known. */
  readonly digest: string | undefined;
  readonly size: number;
}

/** A blob in the making; one of `commit` and `abort` ends it. */
export interface BlobWriter {
  write(bytes: Uint8Array): void;
  /** It appears, whole, under its SHA-256 digest. */
  commit(): { readonly digest: string; readonly size: number };
  /** Nothing stays. */
  abort(): void;
}

/**
 * All bytes of a blob. `stored` are the first ones of it, from a download that was interrupted: they
 * come first, and are not to be trusted.
 */
export type Download = (stored?: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

/** How to {@link BlobDirectory.ingest}. */
export interface IngestOptions {
  readonly signal?: AbortSignal | undefined;
  /** False: begin anew, whatever an interrupted download left. */
  readonly resume?: boolean;
}

/** Blobs on disk, and what a download needs besides. */
export interface BlobDirectory extends BlobStore {
  /**
   * Pass bytes on while they are stored as the blob of `descriptor`. It appears when `download` ends
   * without an error, which must mean that size and digest are right. While another process stores the
   * same blob this one waits, and then has it from there; when that one dies, or fails, it goes on with
   * what there is. What is wrong (`data_loss`) or what the consumer refuses does not stay; what was
   * interrupted does, for the next try.
   */
  ingest(
    descriptor: Descriptor,
    download: Download,
    options?: IngestOptions,
  ): AsyncGenerator<Uint8Array, void>;
  /** The same blobs, for somebody who is told of every digest that is looked for, or appears. */
  holding(hold: (digest: string) => void): BlobDirectory;
  /**
   * Replace `index.json`: what the layout offers to other tools, by `ref.name` annotation. By one
   * process at a time.
   */
  writeIndex(manifests: readonly Descriptor[]): Promise<void>;
}
