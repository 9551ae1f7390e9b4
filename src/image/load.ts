/**
 * `docker load`: the images of an archive into the store, unpacked and named.
 *
 * @module
 */

import { CtrError, isNotFound } from "../errors.ts";
import type { ImageVariant, Lease } from "../state/mod.ts";
import { type ArchiveImage, archiveImages } from "./archive_images.ts";
import { readArchive } from "./archive_members.ts";
import { sourcesOf } from "./default_sources.ts";
import { type ImageDocuments, isIndex, platformOf, readDocuments } from "./documents.ts";
import type { ImagesOptions } from "./images.ts";
import { writeLayoutIndex } from "./layout_index.ts";
import { manifestsOf, missingBlob, missingOf, storedVariant } from "./platforms.ts";
import { point } from "./pull.ts";
import type { BlobStore, Descriptor } from "./sources.ts";
import { leased } from "./lease.ts";
import { mark } from "./mark.ts";
import { sweep, sweepExpired } from "./sweep.ts";
import type { Image, ImageProgress } from "./types.ts";
import { unnamed } from "./unnamed.ts";
import { unpackLayers } from "./unpack.ts";
import { normalizePlatform, toImage, variantOf } from "./variant.ts";

/** How to load. */
export interface LoadOptions {
  /** Default: this machine's where the image has it, else what it has. */
  readonly platform?: string | undefined;
  /** Refuse an archive that has not all platforms of an image. */
  readonly allPlatforms?: boolean | undefined;
  readonly onProgress?: ((progress: ImageProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An image that was loaded, and its names in the archive. */
export interface LoadedImage {
  readonly image: Image;
  /** Canonical; none when the archive has none. */
  readonly names: readonly string[];
}

/**
 * Load all images of an archive, plain or compressed, OCI's or Docker's. All or nothing: when one is
 * wrong none gets a name, and what was stored goes.
 *
 * @throws {CtrError} `data_loss`, `not_found`, `invalid_argument` for what is wrong with the archive.
 */
export async function loadImages(
  options: ImagesOptions,
  source: AsyncIterable<Uint8Array>,
  how: LoadOptions = {},
): Promise<readonly LoadedImage[]> {
  return await storing(options, how, async (blobs) => {
    const archive = await readArchive(source, blobs);
    return { images: await archiveImages(archive, blobs), stored: archive.digests };
  });
}

/** What was brought into the store. */
export interface Brought {
  readonly images: readonly ArchiveImage[];
  /** Blobs, of which images may not need all. */
  readonly stored: readonly string[];
}

/** Take in images whose blobs `bring` puts into the store. */
export async function storing(
  options: ImagesOptions,
  how: LoadOptions,
  bring: (blobs: BlobStore, lease: Lease) => Promise<Brought>,
  purpose = "load",
): Promise<readonly LoadedImage[]> {
  const { state } = options;
  const needed = new Set<string>();
  const { loaded, stored } = await leased(options, purpose, async (lease) => {
    const sources = await sourcesOf(options, lease);
    const { images, stored } = await bring(sources.blobs, lease);
    const ready: (() => LoadedImage)[] = [];
    for (const one of images) {
      ready.push(await unpack(options, how, { blobs: sources.blobs, lease }, one));
      await mark(sources.blobs, one.target.digest, needed);
    }
    const loaded = state.transaction(() => ready.map((commit) => commit()));
    await writeLayoutIndex(state, sources);
    return { loaded, stored };
  });
  if (stored.some((digest) => !needed.has(digest))) await sweep(options, { keepInterrupted: true });
  else await sweepExpired(options);
  return loaded;
}

/** Check and unpack one image. @returns what gives it its names. */
async function unpack(
  { state, snapshotter, unpackScript }: ImagesOptions,
  how: LoadOptions,
  { blobs, lease }: { readonly blobs: BlobStore; readonly lease: Lease },
  { target, names }: ArchiveImage,
): Promise<() => LoadedImage> {
  const { documents, platform } = await choose(target, how.platform, blobs);
  const { configDescriptor, layers, manifest } = documents;
  for (const { digest, size } of [target, manifest, configDescriptor, ...layers]) {
    const actual = await blobs.size(digest);
    if (actual === size) continue;
    throw new CtrError({
      code: actual === undefined ? "not_found" : "data_loss",
      operation: "load image",
      subject: names[0] ?? target.digest,
      reason: actual === undefined
        ? `the archive does not have ${digest}`
        : `${digest} has ${actual} bytes, not ${size}`,
    });
  }
  const chainId = await unpackLayers(documents, {
    state,
    snapshotter,
    lease,
    first: ({ digest }) => blobs.stream(digest),
    again: (layer) => blobs.layer(layer),
    onProgress: how.onProgress ?? (() => {}),
    signal: how.signal,
    unpackScript,
  });
  const variant = variantOf(documents, { target: target.digest, platform, chainId });
  const others = how.platform === undefined ? await otherVariants(target, platform, blobs) : [];
  if (how.allPlatforms === true) {
    const absent = await missingOf(blobs, target);
    if (absent !== undefined) {
      const reason = `not all of its platforms are in the archive: ${absent} is missing`;
      const subject = names[0] ?? target.digest;
      throw new CtrError({ code: "not_found", operation: "load image", subject, reason });
    }
  }
  return () => {
    for (const each of [variant, ...others]) state.images.putVariant(each);
    for (const name of names) point(state, name, target);
    const hasName = state.images.named(target.digest).length > 0;
    if (!hasName) point(state, unnamed(target.digest), target);
    return { image: toImage(names[0] ?? unnamed(target.digest), variant), names };
  };
}

/** The other platforms that the archive has whole. They are unpacked when they are needed. */
async function otherVariants(
  target: Descriptor,
  platform: string,
  blobs: BlobStore,
): Promise<ImageVariant[]> {
  if (!isIndex(target.mediaType)) return [];
  const read = ({ digest }: Descriptor): Promise<Uint8Array> => blobs.read(digest);
  const variants: ImageVariant[] = [];
  const unlessMissing = (error: unknown): undefined => {
    if (!isNotFound(error)) throw error;
  };
  const { platforms } = await manifestsOf(target, read).catch(unlessMissing) ?? { platforms: [] };
  for (const each of platforms) {
    if (each === platform) continue;
    const documents = await readDocuments(target, each, read).catch(unlessMissing);
    if (documents === undefined || await missingBlob(blobs, documents) !== undefined) continue;
    variants.push(storedVariant(documents, { target: target.digest, platform: each }));
  }
  return variants;
}

/** The image for a platform, and the platform that it is stored under. */
async function choose(
  target: ArchiveImage["target"],
  wanted: string | undefined,
  blobs: BlobStore,
): Promise<{ readonly documents: ImageDocuments; readonly platform: string }> {
  const read = ({ digest }: { digest: string }): Promise<Uint8Array> => blobs.read(digest);
  let platform = normalizePlatform(wanted);
  if (isIndex(target.mediaType)) {
    if (wanted === undefined) platform = await offered(target, platform, blobs);
    return { documents: await readDocuments(target, platform, read), platform };
  }
  const documents = await readDocuments(target, platform, read);
  const actual = platformOf(documents.config);
  if (wanted === undefined || actual === platform) return { documents, platform: actual };
  throw new CtrError({
    code: "not_found",
    operation: "load image",
    subject: wanted,
    reason: `the image is for ${actual}`,
  });
}

/** This machine's platform, unless the archive has the image for others only. */
async function offered(
  target: ArchiveImage["target"],
  here: string,
  blobs: BlobStore,
): Promise<string> {
  const index = JSON.parse(new TextDecoder().decode(await blobs.read(target.digest)));
  const platforms: string[] = [];
  for (const { digest, platform } of Array.isArray(index.manifests) ? index.manifests : []) {
    if (platform?.os === "unknown" || !await blobs.has(String(digest))) continue;
    const parts = [platform?.os, platform?.architecture, platform?.variant];
    platforms.push(normalizePlatform(parts.filter((part) => typeof part === "string").join("/")));
  }
  return platforms.includes(here) ? here : platforms[0] ?? here;
}
