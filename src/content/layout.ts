/**
 * What says that a directory is an OCI image layout.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md#oci-layout-file
 * @module
 */

/** Content of the file `oci-layout`. */
export const LAYOUT = '{"imageLayoutVersion":"1.0.0"}';
