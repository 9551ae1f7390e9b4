/**
 * Deleting what no image needs any more: mark what is reachable from image records, sweep the rest.
 *
 * @module
 */

import { codeOf } from "../errors.ts";
import { openSnapshotter, type Snapshotter, SNAPSHOTTERS } from "../snapshot/mod.ts";
import { lock, type State } from "../state/mod.ts";
import { sourcesOf } from "./default_sources.ts";
import type { ImagesOptions } from "./images.ts";
import { writeLayoutIndex } from "./layout_index.ts";
import type { BlobStore } from "./sources.ts";

/** Held shared while something is added to the store, exclusively while it is swept. */
export const STORE_LOCK = "images";

/** What was deleted: digests of blobs and chain IDs of snapshots. */
export interface Swept {
  readonly blobs: readonly string[];
  readonly snapshots: readonly string[];
}

/**
 * Sweep the store. While another process pulls, nothing is deleted: its blobs have no name yet; a
 * later sweep finds them.
 */
export async function sweep(options: ImagesOptions): Promise<Swept> {
  const { state } = options;
  try {
    using _held = await lock(state.dirs, STORE_LOCK, { timeoutMs: 0 });
    state.transaction(() => {
      const named = new Set(state.images.list().map(({ target }) => target.digest));
      for (const { target } of state.images.variants()) {
        if (!named.has(target)) state.images.removeVariants(target);
      }
    });
    const snapshots = await sweepSnapshots(state, options.snapshotter);
    for (const name of SNAPSHOTTERS) {
      if (name === options.snapshotter.name || state.snapshots(name).list().length === 0) continue;
      const other = await openSnapshotter(name, state);
      await sweepSnapshots(state, other);
      await other.settled();
    }
    const sources = await sourcesOf(options);
    await writeLayoutIndex(state, sources);
    const { blobs } = sources;
    return { snapshots, blobs: await sweepBlobs(options, blobs) };
  } catch (error) {
    if (codeOf(error) === "deadline_exceeded") return { blobs: [], snapshots: [] };
    throw error;
  }
}

/** Snapshots under no image and no container go; so do those that a crashed pull was filling. */
async function sweepSnapshots(state: State, snapshotter: Snapshotter): Promise<string[]> {
  const table = state.snapshots(snapshotter.name);
  const needed = new Set<number>();
  for (const { chainId } of state.images.variants()) {
    for (const { number } of chainId === "" ? [] : table.chain(chainId)) needed.add(number);
  }
  const unneeded = table.list().filter(({ name, number, kind }) =>
    kind === "committed" ? !needed.has(number) : /^(unpack|host|explain)-/.test(name)
  );
  // Children before their parents. Numbers do not tell: layers are prepared in any order.
  const removed: string[] = [];
  for (let before = -1; unneeded.length !== before;) {
    before = unneeded.length;
    for (const row of unneeded.splice(0)) {
      try {
        await snapshotter.remove(row.name);
        if (row.kind === "committed") removed.push(row.name);
      } catch (error) {
        if (codeOf(error) === "failed_precondition") unneeded.push(row);
        else if (codeOf(error) !== "not_found") throw error;
      }
    }
  }
  return removed;
}

async function sweepBlobs({ state }: ImagesOptions, blobs: BlobStore): Promise<string[]> {
  const needed = new Set<string>();
  for (const { target } of state.images.list()) await mark(blobs, target.digest, needed);
  await blobs.removePartial();
  const removed: string[] = [];
  for await (const digest of blobs.list()) {
    if (!needed.has(digest) && await blobs.remove(digest)) removed.push(digest);
  }
  return removed;
}

/** Follow every descriptor of an index or manifest, whether its blob is here or not. */
export async function mark(
  blobs: BlobStore,
  digest: string,
  needed: Set<string>,
): Promise<void> {
  if (needed.has(digest)) return;
  needed.add(digest);
  if (!await blobs.has(digest)) return;
  const document = JSON.parse(new TextDecoder().decode(await blobs.read(digest)));
  for (const child of document.manifests ?? []) await mark(blobs, child.digest, needed);
  for (const child of [document.config, ...(document.layers ?? [])]) {
    if (typeof child?.digest === "string") needed.add(child.digest);
  }
}
