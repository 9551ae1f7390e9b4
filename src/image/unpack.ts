/**
 * Layers to snapshots. Layers are unpacked at the same time where the snapshotter can stack them
 * afterwards, while they download; the largest starts first. Each is committed under its chain ID,
 * after its diffID was found right and its files were flushed.
 *
 * @module
 */

import { availableParallelism } from "node:os";
import { commitLayer, type LayerCommit, type Snapshotter } from "../snapshot/mod.ts";
import { type Lease, type Lock, lock, type State } from "../state/mod.ts";
import { chainIds } from "./chain.ts";
import { type ImageDocuments, readDocuments } from "./documents.ts";
import type { ImagesOptions, PullImageOptions } from "./images.ts";
import type { Descriptor } from "./sources.ts";
import { sourcesOf } from "./default_sources.ts";
import { flush } from "./flush.ts";
import { leased } from "./lease.ts";
import type { Image, ImageProgress } from "./types.ts";
import { unpackTar } from "./unpack_tar.ts";
import type { Unpacker } from "./unpack_workers.ts";

/** Layers that download and unpack at the same time, as in Docker. */
const PARALLEL = 3;

/** Threads that unpack, where there are that many processors. */
const THREADS = 2;

/** Bytes of layers from which on threads pay. */
const THREADS_FROM = 24 << 20;

/** Keys of the snapshots that layers are unpacked into; stale ones are swept. */
export const UNPACK_PREFIX = "unpack-";

/** What {@link unpackLayers} needs besides the documents. */
export interface UnpackOptions {
  readonly state: State;
  readonly snapshotter: Snapshotter;
  /** Holds the chain, and with it what is being unpacked. */
  readonly lease: Lease;
  /** The blob of a layer, for the first time. */
  readonly first: (layer: Descriptor, signal: AbortSignal) => AsyncIterable<Uint8Array>;
  /** Its uncompressed tar, from the store. */
  readonly again: (layer: Descriptor) => AsyncIterable<Uint8Array>;
  readonly onProgress: (progress: ImageProgress) => void;
  readonly signal?: AbortSignal | undefined;
  /** The program of a thread that unpacks, where it is not the source: a bundle. */
  readonly unpackScript?: string | undefined;
}

interface Job {
  readonly layer: Descriptor;
  readonly diffId: string;
  readonly chainId: string;
  readonly parent: string | undefined;
  readonly key: string;
}

/**
 * Unpack the layers that the snapshotter does not have yet.
 *
 * @returns the chain ID of all of them, `""` without layers.
 * @throws {CtrError} `data_loss` when a layer is not what the configuration says. Layers below the
 * failed one may stay committed; nothing else stays.
 */
export async function unpackLayers(
  { config, layers }: Pick<ImageDocuments, "config" | "layers">,
  options: UnpackOptions,
): Promise<string> {
  const { state, snapshotter, onProgress } = options;
  const chain = chainIds(config.rootfs.diff_ids);
  const table = state.snapshots(snapshotter.name);
  const isCommitted = (chainId: string): boolean => table.get(chainId)?.kind === "committed";
  options.lease.hold("snapshot", chain.map((chainId) => `${snapshotter.name}/${chainId}`));
  if (snapshotter.blobs !== undefined) options.lease.hold("blob", config.rootfs.diff_ids);
  const locks: Lock[] = [];
  try {
    const jobs: Job[] = [];
    for (const [index, layer] of layers.entries()) {
      const chainId = chain[index]!;
      if (!isCommitted(chainId)) {
        // Bottom first, always: two images that share layers take the locks in the same order.
        const name = `${UNPACK_PREFIX}${snapshotter.name}-${chainId}`;
        const how = { signal: options.signal, timeoutMs: Infinity }; // a download takes as it takes
        locks.push(await lock(state.dirs, name, how));
      }
      if (isCommitted(chainId)) {
        onProgress({ status: "exists", id: layer.digest });
        continue;
      }
      onProgress({ status: "waiting", id: layer.digest, total: layer.size });
      jobs.push({
        layer,
        diffId: config.rootfs.diff_ids[index]!,
        chainId,
        parent: chain[index - 1],
        key: `${UNPACK_PREFIX}${chainId}-${process.pid}-${Date.now()}`,
      });
    }
    const unpacker = await unpackerFor(jobs, options);
    try {
      await removeStale(jobs, options);
      if (snapshotter.rebase) await unpackTogether(jobs, unpacker, options);
      else for (const job of jobs) await unpackTogether([job], unpacker, options);
    } finally {
      unpacker.close();
    }
    if (jobs.length > 0) await snapshotter.ready?.(jobs.at(-1)!.chainId);
  } finally {
    for (const held of locks) held.release();
  }
  return chain.at(-1) ?? "";
}

/** Threads for a large image on a machine that has several processors. */
async function unpackerFor(
  jobs: readonly Job[],
  { snapshotter, unpackScript }: UnpackOptions,
): Promise<Unpacker> {
  const bytes = jobs.reduce((sum, { layer }) => sum + layer.size, 0);
  const processors = availableParallelism();
  if (bytes < THREADS_FROM || processors < 2) return { unpack: unpackTar, close: () => {} };
  const { startThreads } = await import("./unpack_workers.ts");
  const count = Math.min(THREADS, processors, snapshotter.rebase ? jobs.length : 1);
  return startThreads(unpackScript ?? new URL("./unpack_worker.ts", import.meta.url), count);
}

/** Whose lock we hold is filled by nobody: a process died there. */
async function removeStale(
  jobs: readonly Job[],
  { state, snapshotter }: UnpackOptions,
): Promise<void> {
  if (jobs.length === 0) return;
  for (const { name, kind } of state.snapshots(snapshotter.name).list()) {
    const ours = jobs.some(({ chainId }) => name.startsWith(`${UNPACK_PREFIX}${chainId}-`));
    if (kind === "active" && ours) await snapshotter.remove(name);
  }
}

async function unpackTogether(
  jobs: readonly Job[],
  unpacker: Unpacker,
  options: UnpackOptions,
): Promise<void> {
  const { state, snapshotter, onProgress } = options;
  const abort = new AbortController();
  const signal = options.signal === undefined
    ? abort.signal
    : AbortSignal.any([abort.signal, options.signal]);
  const queue = [...jobs].sort((a, b) => b.layer.size - a.layer.size);
  const commits = new Map<Job, LayerCommit>();
  const prepared: string[] = [];
  const work = async (): Promise<void> => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      const { key, layer, chainId, parent } = job;
      await snapshotter.prepare(key, snapshotter.rebase ? undefined : parent);
      prepared.push(key);
      const { diffId } = job;
      const task = { target: await snapshotter.applyTarget(key, { diffId }), diffId };
      const { digest: id, size } = layer;
      const came = (): void => onProgress({ status: "unpacking", id, current: size, total: size });
      const source = stoppable(options.first(layer, signal), { signal, came });
      const result = await unpacker.unpack(task, source, layer.size);
      onProgress({ status: "done", id: layer.digest });
      const again = (): AsyncIterable<Uint8Array> => options.again(layer);
      commits.set(job, { key, name: chainId, parent, result, source: again, diffId });
    }
  };
  try {
    const workers = Array.from(
      { length: Math.min(PARALLEL, jobs.length) },
      () =>
        work().catch((error) => {
          queue.length = 0;
          abort.abort(error);
          throw error;
        }),
    );
    const results = await Promise.allSettled(workers);
    const failed = results.filter((result) => result.status === "rejected");
    if (failed.length > 0) {
      throw firstCause(failed.map(({ reason }) => reason), abort.signal.reason);
    }
    // A committed snapshot is trusted after a power failure, so its files must be on disk.
    if (jobs.length > 0) flush(state.dirs.data);
    for (const job of jobs) {
      await commitLayer(snapshotter, commits.get(job)!);
      prepared.splice(prepared.indexOf(job.key), 1);
    }
  } catch (error) {
    for (const key of prepared) await snapshotter.remove(key).catch(() => {});
    throw error;
  }
}

/** The error that stopped the others, not what stopping did to them. */
function firstCause(errors: readonly unknown[], reason: unknown): unknown {
  return errors.includes(reason) ? reason : errors[0];
}

async function* stoppable(
  source: AsyncIterable<Uint8Array>,
  { signal, came }: { readonly signal: AbortSignal; readonly came: () => void },
): AsyncIterable<Uint8Array> {
  for await (const chunk of source) {
    signal.throwIfAborted();
    yield chunk;
  }
  came();
}

/** Unpack a stored image, whose snapshots are gone or were made by another snapshotter. */
export async function unpackStored(
  options: ImagesOptions,
  image: Image,
  how: PullImageOptions,
): Promise<Image> {
  return await leased(options, "unpack", async (lease) => {
    lease.hold("image", [image.target]);
    const { blobs } = await sourcesOf(options, lease);
    const target = { mediaType: "", digest: image.manifest, size: 0 };
    const documents = await readDocuments(
      target,
      image.platform,
      ({ digest }) => blobs.read(digest),
    );
    await unpackLayers(documents, {
      ...options,
      lease,
      first: ({ digest }) => blobs.stream(digest),
      again: (layer) => blobs.layer(layer),
      onProgress: how.onProgress ?? (() => {}),
      signal: how.signal,
    });
    return image;
  });
}
