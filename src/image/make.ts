/**
 * New images: of an archive of files (`docker import`), or of an image and one layer more (`docker
 * commit`).
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { decompress } from "../content/mod.ts";
import type { Lease } from "../state/mod.ts";
import { applyChanges, type RunConfig } from "./changes.ts";
import { readDocuments } from "./documents.ts";
import type { ImagesOptions } from "./images.ts";
import { type Brought, storing } from "./load.ts";
import { missing, resolveStored } from "./resolve.ts";
import type { BlobStore, Descriptor } from "./sources.ts";
import { tagName } from "./tag.ts";
import type { Image } from "./types.ts";
import { normalizePlatform } from "./variant.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const CONFIG = "application/vnd.oci.image.config.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar";
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
}

/**
 * Make an image. The layer is stored as it is, uncompressed.
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
  const layer = await store(blobs, image.layer);
  const isEmpty = layer.size <= EMPTY && image.base !== undefined;
  const layers = isEmpty ? lower : [...lower, { mediaType: LAYER, ...layer }];
  const { author, comment, createdBy, changes = [] } = image;
  const created = new Date().toISOString();
  const config = {
    ...base,
    created,
    ...author === undefined ? {} : { author },
    config: applyChanges({ ...base.config, ...image.config }, changes),
    rootfs: {
      type: "layers",
      diff_ids: isEmpty ? base.rootfs.diff_ids : [...base.rootfs.diff_ids, layer.digest],
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
  return { images: [{ target, names }], stored: [layer.digest] };
}

async function store(
  blobs: BlobStore,
  source: AsyncIterable<Uint8Array>,
): Promise<{ digest: string; size: number }> {
  const writer = blobs.create();
  try {
    for await (const chunk of decompress(source, { programs: true })) writer.write(chunk);
  } catch (error) {
    writer.abort();
    throw error;
  }
  const stored = writer.commit();
  if (stored.size > 0) return stored;
  throw new CtrError({ code: "data_loss", operation: "import", reason: "the archive is empty" });
}
