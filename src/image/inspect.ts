/**
 * Everything that the store knows of one image, for `inspect`.
 *
 * @module
 */

import type { ImageRecord } from "../state/mod.ts";
import { sourcesOf } from "./default_sources.ts";
import { type ImageDocuments, isIndex, readDocuments } from "./documents.ts";
import { isHost } from "./host.ts";
import { hostImage } from "./host_image.ts";
import type { ImagesOptions } from "./images.ts";
import { listImages } from "./list.ts";
import { findRecord, missing, resolveStored } from "./resolve.ts";
import type { Descriptor } from "./sources.ts";
import type { Image, ImageSummary } from "./types.ts";
import { ARTIFACT, toImage } from "./variant.ts";

/** An image on one platform, with the documents that make it up. */
export interface ImageDetails {
  readonly image: Image;
  /** Of the name that was found; undefined for an image whose name is gone. */
  readonly record: ImageRecord | undefined;
  /** All names of the image. */
  readonly summary: ImageSummary | undefined;
  readonly snapshotter: string;
  /** What the name points to, when that is an index. */
  readonly index: Document | undefined;
  readonly manifest: Document;
  /** Its content is undefined for an artifact, whose configuration is not an image's. */
  readonly config: Document;
}

/** A document, and the descriptor that points to it. */
export interface Document {
  readonly descriptor: Descriptor;
  readonly content: unknown;
}

/** An image for the platform that is asked for; else for this machine's, or what the store has. */
export function storedOnAny(
  { state, snapshotter }: ImagesOptions,
  reference: string,
  platform: string | undefined,
): Image | undefined {
  const found = resolveStored(state, reference, platform, snapshotter.name);
  if (found !== undefined || platform !== undefined) return found?.image;
  const record = findRecord(state, reference);
  const [variant] = record === undefined ? [] : state.images.variants(record.target.digest);
  return variant && toImage(record!.name, variant);
}

/** Read the documents of an image of the store. @throws {CtrError} `not_found` */
export async function inspectImage(
  options: ImagesOptions,
  reference: string,
  platform: string | undefined,
): Promise<ImageDetails> {
  const { state, snapshotter } = options;
  const image = storedOnAny(options, reference, platform) ??
    (isHost(reference) ? await hostImage(options, platform) : undefined);
  if (image === undefined) throw missing(state, reference, platform);
  const record = state.images.get(image.name);
  const summary = listImages(options).find(({ platforms }) =>
    platforms.some(({ id }) => id === image.id)
  );
  const { blobs } = await sourcesOf(options);
  const read = ({ digest }: Descriptor): Promise<Uint8Array> => blobs.read(digest);
  const target = record?.target ?? { mediaType: "", digest: image.manifest, size: 0 };
  if (image.platform === ARTIFACT) {
    const content = parse(await read(target)) as { config: Descriptor };
    const config = { descriptor: content.config, content: undefined };
    const manifest = { descriptor: target, content };
    return { image, record, summary, snapshotter: "", index: undefined, manifest, config };
  }
  const documents: ImageDocuments = await readDocuments(target, image.platform, read);
  const { configDescriptor, configText } = documents;
  return {
    image,
    record,
    summary,
    snapshotter: snapshotter.name,
    index: isIndex(target.mediaType)
      ? { descriptor: target, content: parse(await read(target)) }
      : undefined,
    manifest: { descriptor: documents.manifest, content: parse(await read(documents.manifest)) },
    config: { descriptor: configDescriptor, content: JSON.parse(configText) },
  };
}

function parse(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(bytes));
}
