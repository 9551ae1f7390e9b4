/**
 * Collecting blobs.
 *
 * @module
 */

import type { Snapshotter } from "../snapshot/mod.ts";
import type { LeaseTable, State } from "../state/mod.ts";
import { mark } from "./mark.ts";
import type { BlobStore } from "./sources.ts";

/** Under a storm of pulls that begin and end all the time, a later collection is left to do it. */
const ATTEMPTS = 50;

/** What is needed, and by which lease. */
interface Marked {
  readonly all: ReadonlySet<string>;
  readonly leased: ReadonlySet<string>;
}

/** Who needs blobs. */
export interface BlobOwners {
  readonly state: State;
  readonly leases: LeaseTable;
  /** Those that have snapshots. */
  readonly snapshotters: readonly Pick<Snapshotter, "blobs">[];
}

/** Delete the blobs that nobody needs, and what was never finished. */
export async function sweepBlobs(
  owners: BlobOwners,
  blobs: BlobStore,
): Promise<{ readonly digests: readonly string[]; readonly bytes: number }> {
  const { state, leases } = owners;
  let digests: string[] = [];
  let bytes = 0;
  let leased: ReadonlySet<string> = new Set();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const since = leases.moment();
    const roots = rootsOf(owners);
    const marked = await markAll(blobs, roots);
    leased = marked.leased;
    digests = [];
    bytes = 0;
    for await (const digest of blobs.list()) {
      if (marked.all.has(digest)) continue;
      digests.push(digest);
      bytes += await blobs.size(digest) ?? 0;
    }
    if (digests.length === 0) break;
    const known = new Set(roots.map(idOf));
    const done = state.transaction(() => {
      // Who has ended a lease meanwhile may have named an image whose documents were not there yet.
      if (leases.endedSince(since)) return false;
      if (!rootsOf(owners).every((root) => known.has(idOf(root)))) return false;
      blobs.retire(digests);
      return true;
    });
    if (done) break;
    [digests, bytes] = [[], 0];
  }
  for await (const { digest, name, size } of blobs.unfinished()) {
    if (!name.startsWith("gone.") && (digest === undefined || !leased.has(digest))) bytes += size;
  }
  await blobs.removeUnfinished((digest) => leased.has(digest));
  return { digests, bytes };
}

/** Something that is needed, with all that it refers to if it is an image. */
interface Root {
  readonly kind: "image" | "blob";
  readonly digest: string;
  readonly leased: boolean;
}

function rootsOf({ state, leases, snapshotters }: BlobOwners): Root[] {
  return [
    ...leases.held().flatMap(({ kind, name }) =>
      kind === "snapshot" ? [] : [{ kind, digest: name, leased: true }]
    ),
    ...state.images.list().map(({ target: { digest } }) =>
      ({ kind: "image", digest, leased: false }) as const
    ),
    ...snapshotters.flatMap(({ blobs }) => blobs?.() ?? []).map((digest) =>
      ({ kind: "blob", digest, leased: false }) as const
    ),
  ];
}

function idOf({ kind, digest }: Root): string {
  return `${kind} ${digest}`;
}

async function markAll(blobs: BlobStore, roots: readonly Root[]): Promise<Marked> {
  const [all, leased] = [new Set<string>(), new Set<string>()];
  for (const root of roots) {
    for (const set of root.leased ? [all, leased] : [all]) {
      if (root.kind === "image") await mark(blobs, root.digest, set);
      else set.add(root.digest);
    }
  }
  return { all, leased };
}
