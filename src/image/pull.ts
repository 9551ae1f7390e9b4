/**
 * An image from a registry into the store: documents, layers, and last the name.
 *
 * @module
 */

import type { ImageVariant, State } from "../state/mod.ts";
import { sourcesOf } from "./default_sources.ts";
import { readDocuments } from "./documents.ts";
import type { ImagesOptions, PullImageOptions } from "./images.ts";
import { writeLayoutIndex } from "./layout_index.ts";
import { leased } from "./lease.ts";
import { canonicalName, splitName } from "./name.ts";
import type { Descriptor } from "./sources.ts";
import { sweepExpired } from "./sweep.ts";
import type { Image } from "./types.ts";
import { isUnnamed, unnamed } from "./unnamed.ts";
import { unpackLayers } from "./unpack.ts";
import { normalizePlatform, toImage, variantOf } from "./variant.ts";

/**
 * Pull one platform of an image. When the name pointed to another image before, that one stays under
 * its digest.
 *
 * @throws {CtrError} of the registry client; `not_found` when there is no such platform; `data_loss`.
 */
export async function pullImage(
  options: ImagesOptions,
  reference: string,
  how: PullImageOptions = {},
): Promise<Image> {
  const { state, snapshotter, unpackScript } = options;
  const { onProgress = () => {}, signal } = how;
  const name = canonicalName(reference);
  const platform = normalizePlatform(how.platform);
  const image = await leased(options, "pull", async (lease) => {
    const sources = await sourcesOf(options, lease);
    onProgress({ status: "resolving", message: name });
    const remote = await sources.remote(name, { registry: how.registry, signal });
    await how.verify?.({ name, digest: remote.target.digest });
    lease.hold("image", [remote.target.digest]);
    if (how.artifacts === true) {
      const { storeArtifact } = await import("./artifact.ts");
      const artifact = await storeArtifact(remote, how);
      if (artifact !== undefined) return await keep(artifact);
    }
    const documents = await readDocuments(remote.target, platform, (each) => remote.document(each));
    const fetch = (layer: Descriptor, stop: AbortSignal | undefined) =>
      remote.layer(layer, {
        signal: stop,
        onBytes: (current) =>
          onProgress({ status: "downloading", id: layer.digest, current, total: layer.size }),
      });
    const chainId = await unpackLayers(documents, {
      state,
      snapshotter,
      lease,
      onProgress,
      signal,
      first: fetch,
      again: (layer) => sources.blobs.layer(layer),
      unpackScript,
    });
    // An image that was removed by force leaves the snapshots that containers are on, but no blobs.
    for (const layer of documents.layers) {
      if (await sources.blobs.has(layer.digest)) continue;
      for await (const _ of fetch(layer, signal));
    }
    return await keep(variantOf(documents, { target: remote.target.digest, platform, chainId }));

    async function keep(variant: ImageVariant): Promise<Image> {
      state.transaction(() => {
        state.images.putVariant(variant);
        point(state, name, remote.target);
      });
      await writeLayoutIndex(state, sources);
      onProgress({ status: "done", message: remote.target.digest });
      return toImage(name, variant);
    }
  }, { resumable: true });
  await sweepExpired(options);
  return image;
}

/** Let a name point to a target; what it pointed to is kept as `REPOSITORY@DIGEST`. */
export function point(state: State, name: string, target: Descriptor): void {
  const now = Date.now();
  const before = state.images.get(name);
  if (before !== undefined && before.target.digest !== target.digest) {
    const others = state.images.named(before.target.digest);
    const { repository } = splitName(name);
    if (others.length === 1) {
      state.images.put({ ...before, name: `${repository}@${before.target.digest}` });
    }
  }
  const { mediaType, digest, size } = target;
  if (!isUnnamed(name)) state.images.remove(unnamed(digest));
  state.images.put({
    name,
    target: { mediaType, digest, size },
    labels: before?.labels ?? {},
    createdAt: now,
    updatedAt: now,
  });
}
