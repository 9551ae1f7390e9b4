/**
 * Garbage collection: mark what images, containers and leases need, sweep the rest. It may run at any
 * moment, several at once, beside pulls and starts in other processes.
 *
 * What is needed is asked once more in the transaction that takes things away, and whoever begins to
 * need something writes that down (a lease, an image, a snapshot on top) before looking whether it is
 * there. So a thing is either seen as needed, or seen as gone.
 *
 * @module
 */

import type { DeleteLater } from "../snapshot/mod.ts";
import { removeLocks } from "../state/mod.ts";
import { sourcesOf } from "./default_sources.ts";
import type { ImagesOptions } from "./images.ts";
import { writeLayoutIndex } from "./layout_index.ts";
import { usedSnapshotters } from "./snapshotters.ts";
import { sweepBlobs } from "./sweep_blobs.ts";
import { sweepSnapshots } from "./sweep_snapshots.ts";

/** What was deleted: digests of blobs, chain IDs of snapshots, and their bytes. */
export interface Swept {
  readonly blobs: readonly string[];
  readonly snapshots: readonly string[];
  readonly bytes: number;
}

/** How to {@link sweep}. */
export interface SweepOptions {
  /**
   * Keep what an interrupted pull left, for as long as its lease says: it is soon tried again.
   * Otherwise nothing that belongs to a dead process stays.
   */
  readonly keepInterrupted?: boolean;
  /** Deletes what takes long, by a better way than to wait for it. */
  readonly later?: DeleteLater | undefined;
}

/** Delete what nobody needs. */
export async function sweep(options: ImagesOptions, how: SweepOptions = {}): Promise<Swept> {
  const { state } = options;
  const leases = await state.leases();
  leases.endDead(how.keepInterrupted === true ? { now: Date.now() } : {});
  state.transaction(() => {
    const named = new Set(state.images.list().map(({ target }) => target.digest));
    for (const { target } of state.images.variants()) {
      if (!named.has(target)) state.images.removeVariants(target);
    }
  });
  const snapshots: string[] = [];
  let bytes = 0;
  const snapshotters = await usedSnapshotters(options);
  for (const snapshotter of snapshotters) {
    const swept = await sweepSnapshots(state, snapshotter, {
      held: () => leases.held(),
      later: how.later,
    });
    snapshots.push(...swept.names);
    bytes += swept.bytes;
  }
  const sources = await sourcesOf(options);
  const swept = await sweepBlobs({ state, leases, snapshotters }, sources.blobs);
  await writeLayoutIndex(state, sources);
  await removeLocks(state.dirs);
  return { snapshots, blobs: swept.digests, bytes: bytes + swept.bytes };
}

/** Sweep if there is a lease of a dead process that has expired: what a small price it is to look. */
export async function sweepExpired(options: ImagesOptions): Promise<void> {
  const leases = await options.state.leases();
  const now = Date.now();
  const expired = leases.list().some(({ id, expiresAt }) =>
    expiresAt <= now && !leases.isAlive(id)
  );
  if (expired) await sweep(options, { keepInterrupted: true });
}
