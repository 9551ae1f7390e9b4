/**
 * What a registry keeps and is no container image: charts, signatures, policies. They are stored as
 * they are, under a platform that is none, so that they can be listed, pushed on and removed; no
 * container is made of them.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/manifest.md#guidelines-for-artifact-usage
 * @module
 */

import { CtrError } from "../errors.ts";
import { DOCKER_CONFIG, OCI_CONFIG, parseManifest } from "../oci/mod.ts";
import type { ImageVariant } from "../state/mod.ts";
import type { Descriptor, RemoteImage } from "./sources.ts";
import type { PullImageOptions } from "./images.ts";
import { ARTIFACT } from "./variant.ts";

/**
 * Store an artifact.
 *
 * @returns its row, whose ID is the manifest's digest, as many artifacts have the same empty
 * configuration; undefined when it is an image or an index
 */
export async function storeArtifact(
  remote: RemoteImage,
  { onProgress = () => {}, signal }: Pick<PullImageOptions, "onProgress" | "signal">,
): Promise<ImageVariant | undefined> {
  const { target } = remote;
  const bytes = await remote.document(target);
  const manifest = parseManifest(bytes, target);
  if (manifest.kind === "index") return undefined;
  const { config, layers } = manifest;
  if (config.mediaType === OCI_CONFIG || config.mediaType === DOCKER_CONFIG) return undefined;
  const blobs = [...new Map([config, ...layers].map((each) => [each.digest, each])).values()];
  for (const blob of blobs) {
    const { digest: id, size: total } = blob;
    onProgress({ status: "waiting", id, total });
    const source = remote.layer(blob as Descriptor, {
      ...signal && { signal },
      onBytes: (current) => onProgress({ status: "downloading", id, current, total }),
    });
    for await (const _ of source);
    onProgress({ status: "done", id });
  }
  const { digest } = target;
  return {
    target: digest,
    platform: ARTIFACT,
    manifest: digest,
    id: digest,
    chainId: "",
    size: blobs.reduce((sum, { size }) => sum + size, 0),
    config: new TextDecoder().decode(bytes),
  };
}

/** The error for a container that somebody wants of one. */
export function noContainerOf(subject: string): CtrError {
  return new CtrError({
    code: "not_implemented",
    operation: "use image",
    subject,
    reason: "it is an artifact, not a container image",
  });
}
