/**
 * `image convert`: the same files under another name, in other documents and compressed otherwise.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import {
  DOCKER_CONFIG,
  DOCKER_LIST,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_MANIFEST,
} from "../oci/mod.ts";
import type { Lease } from "../state/mod.ts";
import { isIndex, readDocuments } from "./documents.ts";
import { isHost } from "./host.ts";
import type { ImagesOptions } from "./images.ts";
import { type Brought, type LoadedImage, storing } from "./load.ts";
import { manifestsOf, missingOf } from "./platforms.ts";
import { type Compression, isChunked, layerType, recompress, typeOf } from "./recompress.ts";
import { findRecord, missing, resolveStored } from "./resolve.ts";
import type { BlobStore, Descriptor } from "./sources.ts";
import { tagName } from "./tag.ts";
import { normalizePlatform } from "./variant.ts";

/** How to convert. */
export interface ConvertOptions {
  /** Default: this machine's. */
  readonly platforms?: readonly string[] | "all" | undefined;
  /** Whose media types. Default: as they are; OCI's for zstd, which Docker's schema has not. */
  readonly documents?: "oci" | "docker" | undefined;
  /** Default: layers stay as they are. */
  readonly compression?: Compression | undefined;
  /** zstd with a table of contents, so that others can fetch single files. */
  readonly chunked?: boolean | undefined;
  /** Of gzip 1 to 9, of zstd 1 to 22. Default: the library's. */
  readonly level?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Work extends ConvertOptions {
  readonly blobs: BlobStore;
  /** Layers that are done, by digest. */
  readonly done: Map<string, Descriptor>;
  readonly stored: string[];
}

/**
 * Convert an image of the store.
 *
 * @throws {CtrError} `not_found` when it, or a platform of it, is not here; `invalid_argument` for
 * what does not go together
 */
export async function convertImage(
  options: ImagesOptions,
  source: string,
  target: string,
  how: ConvertOptions = {},
): Promise<LoadedImage> {
  const names = [tagName(target)];
  check(source, how);
  const bring = async (blobs: BlobStore, lease: Lease): Promise<Brought> => {
    const from = targetOf(options, source);
    lease.hold("image", [from.digest]);
    const absent = how.platforms === "all" ? await missingOf(blobs, from) : undefined;
    if (absent !== undefined) throw incomplete(source, absent);
    const read = ({ digest }: Descriptor): Promise<Uint8Array> => blobs.read(digest);
    const wanted = how.platforms === "all"
      ? (await manifestsOf(from, read)).platforms
      : (how.platforms ?? [undefined]).map(normalizePlatform);
    const work: Work = { ...how, blobs, done: new Map(), stored: [] };
    const manifests: [string, Descriptor][] = [];
    for (const platform of new Set(wanted)) {
      manifests.push([platform, await convertManifest(work, from, platform)]);
    }
    const [first] = manifests as [[string, Descriptor]];
    const made = manifests.length === 1 && how.platforms !== "all"
      ? first[1]
      : await index(work, from, manifests);
    return { images: [{ target: made, names }], stored: work.stored };
  };
  const [converted] = await storing(options, { signal: how.signal }, bring, "convert");
  return converted!;
}

function check(source: string, { compression, documents }: ConvertOptions): void {
  const refused = (subject: string, reason: string) =>
    new CtrError({ code: "invalid_argument", operation: "convert", subject, reason });
  if (isHost(source)) throw refused(source, "the built-in image is this machine");
  if (compression === "zstd" && documents === "docker") {
    throw refused(source, "Docker's manifests have no zstd");
  }
}

function incomplete(subject: string, digest: string): CtrError {
  return new CtrError({
    code: "not_found",
    operation: "convert",
    subject,
    reason: `not all of its platforms are here: ${digest} is not in the store`,
    hint: "pull it with --all-platforms",
  });
}

function targetOf({ state, snapshotter }: ImagesOptions, source: string): Descriptor {
  const record = findRecord(state, source);
  if (record !== undefined) return record.target;
  const found = resolveStored(state, source, undefined, snapshotter.name);
  const named = found && state.images.named(found.image.target)[0];
  if (named === undefined) throw missing(state, source, undefined);
  return named.target;
}

async function convertManifest(
  work: Work,
  from: Descriptor,
  platform: string,
): Promise<Descriptor> {
  const { blobs, compression } = work;
  const read = ({ digest }: Descriptor): Promise<Uint8Array> => blobs.read(digest);
  const { config, configDescriptor, layers, manifest } = await readDocuments(from, platform, read);
  const document = JSON.parse(new TextDecoder().decode(await read(manifest)));
  const docker = isDocker(work, document.mediaType ?? manifest.mediaType);
  const converted: Descriptor[] = [];
  for (const [at, layer] of layers.entries()) {
    const diffId = config.rootfs.diff_ids[at]!;
    const made = compression === undefined ? layer : await convertLayer(work, layer, diffId);
    converted.push({ ...made, mediaType: layerType(made, docker) });
  }
  const mediaType = docker ? DOCKER_MANIFEST : OCI_MANIFEST;
  return await put(work, mediaType, {
    ...document,
    mediaType,
    config: { ...configDescriptor, mediaType: docker ? DOCKER_CONFIG : OCI_CONFIG },
    layers: converted,
  });
}

async function convertLayer(work: Work, layer: Descriptor, diffId: string): Promise<Descriptor> {
  const { blobs, chunked, compression, done, level, signal, stored } = work;
  const before = done.get(layer.digest);
  if (before !== undefined) return before;
  // Layers that registries do not have are not here either.
  const stays = !await blobs.has(layer.digest) ||
    (level === undefined && typeOf(layer) === compression &&
      (chunked !== true || isChunked(layer)));
  const made = stays ? layer : await recompress(blobs, layer, {
    chunked,
    compression: compression!,
    diffId,
    level,
    signal,
  });
  if (!stays) stored.push(made.digest);
  done.set(layer.digest, made);
  return made;
}

async function index(
  work: Work,
  from: Descriptor,
  manifests: readonly (readonly [string, Descriptor])[],
): Promise<Descriptor> {
  const before = isIndex(from.mediaType)
    ? JSON.parse(new TextDecoder().decode(await work.blobs.read(from.digest)))
    : {};
  const mediaType = isDocker(work, from.mediaType) ? DOCKER_LIST : OCI_INDEX;
  return await put(work, mediaType, {
    schemaVersion: 2,
    mediaType,
    manifests: manifests.map(([platform, descriptor]) => {
      const [os, architecture, variant] = platform.split("/");
      return { ...descriptor, platform: { architecture, os, variant } };
    }),
    ...before.annotations === undefined ? {} : { annotations: before.annotations },
  });
}

/** Whether documents get Docker's media types. */
function isDocker({ compression, documents }: ConvertOptions, mediaType: string): boolean {
  if (documents !== undefined) return documents === "docker";
  return compression !== "zstd" && mediaType.startsWith("application/vnd.docker.");
}

async function put(work: Work, mediaType: string, value: unknown): Promise<Descriptor> {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  const digest = await work.blobs.write(bytes);
  work.stored.push(digest);
  return { mediaType, digest, size: bytes.length };
}
