/**
 * Media types of images: OCI's and Docker's.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/media-types.md
 * @see https://distribution.github.io/distribution/spec/manifest-v2-2/
 * @module
 */

/** OCI image index. */
export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
/** OCI image manifest. */
export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
/** OCI image configuration. */
export const OCI_CONFIG = "application/vnd.oci.image.config.v1+json";
/** OCI layer, uncompressed; `+gzip` and `+zstd` follow. */
export const OCI_LAYER = "application/vnd.oci.image.layer.v1.tar";
/** Docker's manifest list. */
export const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
/** Docker's manifest, schema 2. */
export const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
/** Docker's image configuration. */
export const DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json";

/** What we ask a registry for, best first. */
export const MANIFEST_TYPES: readonly string[] = [
  OCI_INDEX,
  DOCKER_LIST,
  OCI_MANIFEST,
  DOCKER_MANIFEST,
];

/** Whether it is that of an index or manifest list. */
export function isIndexType(mediaType: string): boolean {
  return mediaType === OCI_INDEX || mediaType === DOCKER_LIST;
}

/** Whether it is that of a manifest of one platform. */
export function isManifestType(mediaType: string): boolean {
  return mediaType === OCI_MANIFEST || mediaType === DOCKER_MANIFEST;
}

/** Docker's schema 1, which has no digests of its layers and was retired in 2019. */
export function isSchema1Type(mediaType: string): boolean {
  return /^application\/vnd\.docker\.distribution\.manifest\.v1\+(?:json|prettyjws)$/.test(
    mediaType,
  );
}

/** Whether it is that of a layer of files, whatever its compression. */
export function isLayerType(mediaType: string): boolean {
  return /^application\/vnd\.(?:oci\.image\.layer(?:\.nondistributable)?\.v1\.tar|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar)(?:[.+](?:gzip|zstd))?$/
    .test(mediaType);
}

/** Whether registries do not keep it, but its URLs tell where it is: layers of Windows. */
export function isForeignLayerType(mediaType: string): boolean {
  return mediaType.includes(".layer.nondistributable.") || mediaType.includes(".foreign.diff.");
}
