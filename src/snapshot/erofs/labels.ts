/**
 * What the record of a committed snapshot says, so that a container's start reads no file of a layer.
 *
 * @module
 */

/** Label: digest of the layer's tar. */
export const BLOB = "ctr.blob";

/** Label: there is {@link dataFile}. */
export const DATA = "ctr.data";

/** The file in a snapshot's directory that has what is not in the tar. */
export function dataFile(directory: string): string {
  return `${directory}/data`;
}

/**
 * The file of a blob in an OCI image layout. That the digest is one was checked when it was read from
 * an image's configuration.
 */
export function blobFile(content: string, digest: string): string {
  return `${content}/blobs/${digest.replace(":", "/")}`;
}
