/**
 * What an image is made for: the manifests of an index by platform, and those that are no images,
 * such as attestations.
 *
 * @module
 */

import { chainIds } from "./chain.ts";
import { type Platform, readDescriptor } from "../oci/mod.ts";
import { type ImageDocuments, isIndex, platformOf, readDocuments } from "./documents.ts";
import type { BlobStore, Descriptor } from "./sources.ts";
import type { ImageVariant } from "../state/mod.ts";
import { normalizePlatform, variantOf } from "./variant.ts";

/** The manifests that a target leads to. */
export interface Manifests {
  /** Platforms as they are stored. */
  readonly platforms: readonly string[];
  /** Not of a platform: attestations, artifacts, second manifests of a platform. */
  readonly others: readonly Descriptor[];
}

type Read = (descriptor: Descriptor) => Promise<Uint8Array>;

const MAX_DEPTH = 4;

/** All manifests of a target, which may be one itself. */
export async function manifestsOf(target: Descriptor, read: Read): Promise<Manifests> {
  const platforms = new Set<string>();
  const others: Descriptor[] = [];
  const walk = async (descriptor: Descriptor, depth: number): Promise<void> => {
    const document = JSON.parse(new TextDecoder().decode(await read(descriptor)));
    if (!Array.isArray(document.manifests)) {
      others.push(descriptor);
      return;
    }
    for (const value of document.manifests as unknown[]) {
      const entry = readDescriptor(value, descriptor.digest) as Descriptor & {
        platform?: Platform;
      };
      const { os, architecture, variant } = entry.platform ?? {};
      if (isIndex(entry.mediaType) && depth < MAX_DEPTH) await walk(entry, depth + 1);
      else if (architecture === undefined || os === "unknown") others.push(entry);
      else {
        const platform = normalizePlatform([os, architecture, variant].filter(Boolean).join("/"));
        if (platforms.has(platform)) others.push(entry);
        platforms.add(platform);
      }
    }
  };
  if (!isIndex(target.mediaType)) {
    const { config } = await readDocuments(target, normalizePlatform(undefined), read);
    return { platforms: [platformOf(config)], others: [] };
  }
  await walk(target, 0);
  return { platforms: [...platforms], others };
}

/** The row of an image whose layers are stored and not unpacked. */
export function storedVariant(
  documents: ImageDocuments,
  { target, platform }: Pick<ImageVariant, "target" | "platform">,
): ImageVariant {
  const chainId = chainIds(documents.config.rootfs.diff_ids ?? []).at(-1) ?? "";
  return variantOf(documents, { target, platform, chainId });
}

/** A blob of an image that the store does not have, or undefined. */
export async function missingBlob(
  blobs: BlobStore,
  { manifest, configDescriptor, layers }: ImageDocuments,
): Promise<string | undefined> {
  for (const { digest } of [manifest, configDescriptor, ...layers]) {
    if (!await blobs.has(digest)) return digest;
  }
  return undefined;
}

/** The first thing that a target leads to and the store does not have, or undefined. */
export async function missingOf(
  blobs: BlobStore,
  { digest, mediaType }: Pick<Descriptor, "digest" | "mediaType">,
): Promise<string | undefined> {
  if (!await blobs.has(digest)) return digest;
  if (!isIndex(mediaType) && !/\.manifest\.v\d\+json$/.test(mediaType)) return undefined;
  const { manifests = [], config, layers = [] } = JSON.parse(
    new TextDecoder().decode(await blobs.read(digest)),
  );
  for (const child of [...manifests, ...config === undefined ? [] : [config], ...layers]) {
    const isForeign = /nondistributable|\.foreign\./.test(child.mediaType);
    const absent = isForeign ? undefined : await missingOf(blobs, child);
    if (absent !== undefined) return absent;
  }
  return undefined;
}
