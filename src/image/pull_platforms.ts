/**
 * An image for all its platforms: this machine's is unpacked, the others are stored as they are, and
 * unpacked when a container is started from them.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { decompress } from "../content/mod.ts";
import { CtrError } from "../errors.ts";
import { readDescriptor } from "../oci/mod.ts";
import type { ImageVariant, Lease } from "../state/mod.ts";
import { storeArtifact } from "./artifact.ts";
import { sourcesOf } from "./default_sources.ts";
import { readDocuments } from "./documents.ts";
import type { ImagesOptions, PullImageOptions } from "./images.ts";
import { writeLayoutIndex } from "./layout_index.ts";
import { leased } from "./lease.ts";
import { canonicalName } from "./name.ts";
import { manifestsOf, storedVariant } from "./platforms.ts";
import { point } from "./pull.ts";
import type { BlobStore, Descriptor, RemoteImage } from "./sources.ts";
import { sweepExpired } from "./sweep.ts";
import type { Image } from "./types.ts";
import { unpackLayers } from "./unpack.ts";
import { normalizePlatform, toImage } from "./variant.ts";

/**
 * Pull every platform of an image, and what else its index lists, so that it can be pushed as it is.
 *
 * @returns the image of this machine's platform, else of the first.
 * @throws {CtrError} of the registry client; `data_loss`. Nothing gets a name then.
 */
export async function pullPlatforms(
  options: ImagesOptions,
  reference: string,
  how: PullImageOptions,
): Promise<Image> {
  const work = (lease: Lease): Promise<Image> => pullAll(options, reference, { ...how, lease });
  const image = await leased(options, "pull", work, { resumable: true });
  await sweepExpired(options);
  return image;
}

async function pullAll(
  options: ImagesOptions,
  reference: string,
  how: PullImageOptions & { readonly lease: Lease },
): Promise<Image> {
  const { state } = options;
  const { lease, onProgress = () => {}, signal } = how;
  const name = canonicalName(reference);
  const sources = await sourcesOf(options, lease);
  const { blobs } = sources;
  onProgress({ status: "resolving", message: name });
  const remote = await sources.remote(name, { registry: how.registry, signal });
  await how.verify?.({ name, digest: remote.target.digest });
  const target = remote.target.digest;
  lease.hold("image", [target]);
  const read = (descriptor: Descriptor): Promise<Uint8Array> => remote.document(descriptor);
  const artifact = how.artifacts === true ? await storeArtifact(remote, how) : undefined;
  const { platforms, others } = artifact === undefined
    ? await manifestsOf(remote.target, read)
    : { platforms: [], others: [] };
  const variants: ImageVariant[] = artifact === undefined ? [] : [artifact];
  const here = normalizePlatform(how.platform);
  for (const platform of [...platforms].sort((a, b) => Number(b === here) - Number(a === here))) {
    const documents = await readDocuments(remote.target, platform, read);
    const { config, layers } = documents;
    if (platform === here) {
      await unpackLayers(documents, {
        ...options,
        lease,
        onProgress,
        signal,
        first: (layer, stop) => fetched(remote, layer, { onProgress, signal: stop }),
        again: (layer) => blobs.layer(layer),
      });
    }
    for (const [at, layer] of layers.entries()) {
      await store(layer, config.rootfs.diff_ids[at]);
    }
    variants.push(storedVariant(documents, { target, platform }));
  }
  for (const other of others) {
    const { config, layers = [] } = JSON.parse(new TextDecoder().decode(await read(other)));
    for (const blob of config === undefined ? layers : [config, ...layers]) {
      await store(readDescriptor(blob, other.digest) as Descriptor, undefined);
    }
  }
  state.transaction(() => {
    for (const variant of variants) state.images.putVariant(variant);
    point(state, name, remote.target);
  });
  await writeLayoutIndex(state, sources);
  onProgress({ status: "done", message: target });
  const [first] = variants;
  if (first !== undefined) return toImage(name, first);
  throw new CtrError({
    code: "not_implemented",
    operation: "pull",
    subject: reference,
    reason: "it has no container images",
  });

  async function store(layer: Descriptor, diffId: string | undefined): Promise<void> {
    if (await blobs.has(layer.digest)) return;
    const source = fetched(remote, layer, { onProgress, signal });
    await drain(source, diffId);
    onProgress({ status: "done", id: layer.digest });
  }
}

function fetched(
  remote: RemoteImage,
  layer: Descriptor,
  { onProgress = () => {}, signal }: Pick<PullImageOptions, "onProgress" | "signal">,
): ReturnType<BlobStore["layer"]> {
  const { digest: id, size: total } = layer;
  return remote.layer(layer, {
    ...signal && { signal },
    onBytes: (current) => onProgress({ status: "downloading", id, current, total }),
  });
}

/** Read to the end, which stores it, and compare what it unpacks to. */
async function drain(source: AsyncIterable<Uint8Array>, diffId: string | undefined): Promise<void> {
  const [algorithm, expected] = diffId?.split(":") ?? [];
  const hash = algorithm === undefined ? undefined : createHash(algorithm);
  for await (const chunk of decompress(source)) hash?.update(chunk);
  const actual = hash?.digest("hex");
  if (actual === expected) return;
  throw new CtrError({
    code: "data_loss",
    operation: "pull layer",
    subject: diffId!,
    reason: `its uncompressed digest is ${algorithm}:${actual}`,
  });
}
