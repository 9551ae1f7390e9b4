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
import { missing, resolveStored } from "./resolve.ts";
import type { Descriptor } from "./sources.ts";
import type { Image, ImageSummary } from "./types.ts";

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
  readonly config: Document;
}

/** A document, and the descriptor that points to it. */
export interface Document {
  readonly descriptor: Descriptor;
  readonly content: unknown;
}

/** Read the documents of an image of the store. @throws {CtrError} `not_found` */
export async function inspectImage(
  options: ImagesOptions,
  reference: string,
  platform: string | undefined,
): Promise<ImageDetails> {
  const { state, snapshotter } = options;
  const image = resolveStored(state, reference, platform, snapshotter.name)?.image ??
    (isHost(reference) ? await hostImage(options, platform) : undefined);
  if (image === undefined) throw missing(state, reference, platform);
  const record = state.images.get(image.name);
  const summary = listImages(options).find(({ platforms }) =>
    platforms.some(({ id }) => id === image.id)
  );
  const { blobs } = await sourcesOf(options);
  const read = ({ digest }: Descriptor): Promise<Uint8Array> => blobs.read(digest);
  const target = record?.target ?? { mediaType: "", digest: image.manifest, size: 0 };
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
