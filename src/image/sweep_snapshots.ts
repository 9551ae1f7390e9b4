/**
 * Collecting snapshots.
 *
 * @module
 */

import { codeOf } from "../errors.ts";
import type { DeleteLater, Snapshotter } from "../snapshot/mod.ts";
import type { Held, SnapshotRow, State } from "../state/mod.ts";

/** Delete the snapshots of a snapshotter that nobody needs. */
export async function sweepSnapshots(
  state: State,
  snapshotter: Snapshotter,
  { held, later }: {
    readonly held: () => readonly Held[];
    readonly later?: DeleteLater | undefined;
  },
): Promise<{ readonly names: readonly string[]; readonly bytes: number }> {
  const table = state.snapshots(snapshotter.name);
  const look = () => unneeded(table.list(), state, snapshotter.name, held());
  // Renamed, nobody finds them any more, whatever removing them takes.
  const gone = look().length === 0 ? [] : state.transaction(() => {
    const rows = look();
    for (const { number } of rows) table.rename(number, `removed-${number}`);
    return rows;
  });
  // Where a layer is a blob, that is counted when the blob goes.
  const own = new Set(
    gone.map(({ number }) => number).filter((number) =>
      (snapshotter.blobs?.(`removed-${number}`) ?? []).length === 0
    ),
  );
  const left = new Set<number>();
  for (const { number } of childrenFirst(gone)) {
    try {
      await snapshotter.remove(`removed-${number}`, { later });
    } catch (error) {
      // Somebody who had looked it up before has put a container on it, or was faster here.
      if (codeOf(error) === "failed_precondition") left.add(number);
      else if (codeOf(error) !== "not_found") throw error;
    }
  }
  await snapshotter.cleanup(later);
  const removed = gone.filter(({ kind, name, number }) =>
    kind === "committed" && !left.has(number) && !name.startsWith("removed-")
  );
  return {
    names: removed.map(({ name }) => name),
    bytes: removed.reduce((sum, { bytes, number }) => sum + (own.has(number) ? bytes : 0), 0),
  };
}

/** Numbers do not tell: layers are prepared in any order. */
function childrenFirst(rows: readonly SnapshotRow[]): SnapshotRow[] {
  const byNumber = new Map(rows.map((row) => [row.number, row]));
  const depth = (row: SnapshotRow): number => {
    const parent = row.parent === undefined ? undefined : byNumber.get(row.parent);
    return parent === undefined ? 0 : 1 + depth(parent);
  };
  return rows.map((row) => ({ row, depth: depth(row) })).sort((a, b) => b.depth - a.depth)
    .map(({ row }) => row);
}

/** Snapshots under no image, container or lease, and those that a dead process was filling. */
export function unneeded(
  rows: readonly SnapshotRow[],
  state: State,
  snapshotter: string,
  held: readonly Held[],
): SnapshotRow[] {
  const names = new Set(state.images.variants().map(({ chainId }) => chainId));
  for (const { kind, name } of held) {
    if (kind === "snapshot" && name.startsWith(`${snapshotter}/`)) {
      names.add(name.slice(snapshotter.length + 1));
    }
  }
  const isNeeded = ({ kind, name }: SnapshotRow): boolean => {
    if (names.has(name)) return true;
    if (name.startsWith("removed-")) return false;
    if (kind === "committed") return false;
    const [, chainId] = /^unpack-(.*)-\d+-\d+$/.exec(name) ?? [];
    return chainId === undefined ? !/^(host|explain)-/.test(name) : names.has(chainId);
  };
  const byNumber = new Map(rows.map((row) => [row.number, row]));
  const needed = new Set<number>();
  for (const row of rows.filter(isNeeded)) {
    for (let at: SnapshotRow | undefined = row; at !== undefined && !needed.has(at.number);) {
      needed.add(at.number);
      at = at.parent === undefined ? undefined : byNumber.get(at.parent);
    }
  }
  return rows.filter(({ number }) => !needed.has(number));
}
