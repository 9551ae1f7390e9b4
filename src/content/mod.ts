/**
 * The content store: an OCI image layout that other tools can read, `skopeo inspect
 * oci:DATA/content:alpine:latest` for one.
 *
 * @example
 * ```ts
 * const blobs = blobDirectory("/var/lib/ctr/content");
 * const digest = await blobs.write(bytes);
 * for await (const chunk of blobs.ingest(descriptor, () => download)) consume(chunk);
 * ```
 *
 * @module
 */

export { adoptBlob } from "./adopt.ts";
export { blobDirectory } from "./blob_directory.ts";
export { decompress } from "./decompress.ts";
export { sha256 } from "./digest.ts";
export type { BlobDirectory, BlobStore, BlobWriter, Descriptor, Download } from "./types.ts";
