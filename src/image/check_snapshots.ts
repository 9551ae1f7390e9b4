/**
 * The snapshots of a store, compared with what is on disk.
 *
 * @module
 */

import { existsSync, readdirSync } from "node:fs";
import { openSnapshotter, type Snapshotter, SNAPSHOTTERS } from "../snapshot/mod.ts";
import type { SnapshotRow } from "../state/mod.ts";
import type { Finding } from "./check.ts";
import type { ImagesOptions } from "./images.ts";
import { unneeded } from "./sweep_snapshots.ts";

/** Check the snapshots of all snapshotters. */
export async function checkSnapshots(
  { state, snapshotter: ours }: ImagesOptions,
): Promise<{ readonly snapshots: number; readonly findings: readonly Finding[] }> {
  const leases = await state.leases();
  const findings: Finding[] = [];
  let snapshots = 0;
  for (const name of SNAPSHOTTERS) {
    const root = `${state.dirs.data}/snapshots/${name}`;
    const table = state.snapshots(name);
    const before = existsSync(root) ? readdirSync(root) : [];
    const rows = table.list();
    snapshots += rows.length;
    if (rows.length === 0 && before.length === 0) continue;
    const snapshotter = name === ours.name ? ours : await openSnapshotter(name, state);
    const isThere = (row: SnapshotRow): boolean => table.get(row.name)?.number === row.number;
    for (const row of rows) {
      const problem = await problemOf(snapshotter, row, root);
      // Unless it was removed in this moment.
      if (problem === undefined || !isThere(row)) continue;
      const subject = `${name} snapshot ${row.name}`;
      // The record comes before the directory: a killed process may have been in between.
      const used = row.kind === "committed" || state.containers.get(row.name) !== undefined;
      findings.push({ kind: used ? "lost" : "left", subject, reason: problem });
    }
    for (const row of unneeded(rows, state, name, leases.held())) {
      if (!isThere(row)) continue;
      const subject = `${name} snapshot ${row.name}`;
      findings.push({ kind: "left", subject, reason: "nothing needs it", bytes: row.bytes });
    }
    const known = new Set(rows.map(({ number }) => String(number)));
    for (const entry of before) {
      if (!/^\d+$/.test(entry) || known.has(entry) || !existsSync(`${root}/${entry}`)) continue;
      const reason = "a directory that belongs to no snapshot";
      findings.push({ kind: "left", subject: `${root}/${entry}`, reason });
    }
  }
  return { snapshots, findings };
}

async function problemOf(
  snapshotter: Snapshotter,
  { kind, name, number }: SnapshotRow,
  root: string,
): Promise<string | undefined> {
  if (!existsSync(`${root}/${number}`)) return `its directory ${root}/${number} is missing`;
  if (kind !== "committed") return undefined;
  const [own] = await snapshotter.layers(name).catch(() => []);
  return own === undefined || existsSync(own) ? undefined : `its directory ${own} is missing`;
}
