/**
 * New images: of an archive of files (`docker import`), or of an image and one layer more (`docker
 * commit`).
 *
 * @module
 */

import type { Lease } from "../state/mod.ts";
import { applyChanges, type RunConfig } from "./changes.ts";
import { readDocuments } from "./documents.ts";
import type { ImagesOptions } from "./images.ts";
import { type Brought, storing } from "./load.ts";
import { type LayerCompression, packLayer } from "./pack_layer.ts";
import { missing, resolveStored } from "./resolve.ts";
import type { BlobStore, Descriptor } from "./sources.ts";
import { tagName } from "./tag.ts";
import type { Image } from "./types.ts";
import { normalizePlatform } from "./variant.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const CONFIG = "application/vnd.oci.image.config.v1+json";
/** Two zero blocks: an archive of nothing. */
const EMPTY = 1024;

/** What {@link makeImage} makes. */
export interface NewImage {
  /** A reference to tag it with; without, it is found by ID. */
  readonly name?: string | undefined;
  /** ID of the image below. */
  readonly base?: string | undefined;
  /** A tar archive, plain or compressed. */
  readonly layer: AsyncIterable<Uint8Array>;
  /** Members of the `config` object; others are the base's. */
  readonly config?: RunConfig | undefined;
  /** Instructions of a Dockerfile, applied last. */
  readonly changes?: readonly string[] | undefined;
  readonly platform?: string | undefined;
  readonly author?: string | undefined;
  readonly comment?: string | undefined;
  readonly createdBy?: string | undefined;
  /** How to pack the layer. Default gzip, which everybody reads. */
  readonly compression?: LayerCompression | undefined;
}

/**
 * Make an image. The layer is packed on its way into the store, unless it is already.
 *
 * @throws {CtrError} `not_found` when the base is gone; `invalid_argument` for a bad name or change;
 * what unpacking finds wrong with the archive. Nothing stays then.
 */
export async function makeImage(options: ImagesOptions, image: NewImage): Promise<Image> {
  const names = image.name === undefined ? [] : [tagName(image.name)];
  applyChanges({}, image.changes ?? []); // before the archive is read
  const [made] = await storing(options, {}, async (blobs, lease) => {
    const below = await baseOf(options, image, { blobs, lease });
    return await write(blobs, image, below, names);
  }, image.base === undefined ? "import" : "commit");
  return made!.image;
}

interface Below {
  readonly config: Readonly<Record<string, unknown>> & {
    readonly config?: RunConfig;
    readonly history?: readonly object[];
    readonly rootfs: { readonly diff_ids: readonly string[] };
  };
  readonly layers: readonly Descriptor[];
}

async function baseOf(
  { state, snapshotter }: ImagesOptions,
  { base, platform }: NewImage,
  { blobs, lease }: { readonly blobs: BlobStore; readonly lease: Lease },
): Promise<Below> {
  if (base === undefined) {
    const [os, architecture, variant] = normalizePlatform(platform).split("/");
    const config = { os, architecture, ...variant === undefined ? {} : { variant } };
    return { config: { ...config, rootfs: { diff_ids: [] } }, layers: [] };
  }
  const found = resolveStored(state, base, undefined, snapshotter.name);
  if (found === undefined) throw missing(state, base, undefined);
  lease.hold("image", [found.image.manifest]);
  const target = { mediaType: "", digest: found.image.manifest, size: 0 };
  const { configText, layers } = await readDocuments(
    target,
    found.image.platform,
    ({ digest }) => blobs.read(digest),
  );
  return { config: JSON.parse(configText), layers };
}

async function write(
  blobs: BlobStore,
  image: NewImage,
  { config: base, layers: lower }: Below,
  names: readonly string[],
): Promise<Brought> {
  const { descriptor, diffId, size } = await packLayer(blobs, image.layer, image.compression);
  const isEmpty = size <= EMPTY && image.base !== undefined;
  const layers = isEmpty ? lower : [...lower, descriptor];
  const { author, comment, createdBy, changes = [] } = image;
  const created = new Date().toISOString();
  const config = {
    ...base,
    created,
    ...author === undefined ? {} : { author },
    config: applyChanges({ ...base.config, ...image.config }, changes),
    rootfs: {
      type: "layers",
      diff_ids: isEmpty ? base.rootfs.diff_ids : [...base.rootfs.diff_ids, diffId],
    },
    history: [...base.history ?? [], {
      created,
      ...createdBy === undefined ? {} : { created_by: createdBy },
      ...author === undefined ? {} : { author },
      ...comment === undefined ? {} : { comment },
      ...isEmpty ? { empty_layer: true } : {},
    }],
  };
  const put = async (mediaType: string, value: unknown): Promise<Descriptor> => {
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    return { mediaType, digest: await blobs.write(bytes), size: bytes.length };
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: await put(CONFIG, config),
    layers,
  };
  const target = await put(MANIFEST, manifest);
  return { images: [{ target, names }], stored: [descriptor.digest] };
}
