/**
 * `ctr system check`: the whole store, compared with what is on disk. Nothing is changed.
 *
 * @module
 */

import { existsSync, readdirSync } from "node:fs";
import { type CheckOptions, type Finding, housekeeping } from "../image/mod.ts";
import type { ContainerRecord } from "../state/mod.ts";
import { tryLock } from "./container_lock.ts";
import type { Engine } from "./engine.ts";
import { dataDir } from "./place.ts";

/** How much was looked at, and what was found. */
export interface StoreReport {
  readonly images: number;
  readonly blobs: number;
  readonly bytes: number;
  readonly snapshots: number;
  readonly containers: number;
  readonly findings: readonly Finding[];
}

/** Check the database, images, blobs, snapshots and containers of a store. */
export async function checkStore(
  engine: Engine,
  options: CheckOptions = {},
): Promise<StoreReport> {
  const { state } = engine;
  const database = (await state.check(options.digests === true)).map((reason): Finding => ({
    kind: "lost",
    subject: "the database",
    reason,
  }));
  const { checkImages, checkSnapshots } = await housekeeping();
  const records = state.containers.list();
  const containers = [
    ...records.flatMap((each) => checkContainer(engine, each)),
    ...orphans(engine),
  ];
  const { snapshots, findings } = await checkSnapshots(engine);
  const images = await checkImages(engine, options);
  return {
    ...images,
    snapshots,
    containers: records.length,
    findings: [...database, ...images.findings, ...findings, ...containers],
  };
}

function checkContainer(engine: Engine, record: ContainerRecord): Finding[] {
  const { id, name, snapshotKey, snapshotter } = record;
  const directory = dataDir(engine.directories, id);
  const problems = [
    ...existsSync(`${directory}/config.json`) ? [] : [`${directory}/config.json is missing`],
    ...snapshotKey === "" || engine.state.snapshots(snapshotter).get(snapshotKey) !== undefined
      ? []
      : [`its ${snapshotter} snapshot is missing`],
  ];
  if (engine.state.containers.get(id) === undefined) return []; // removed in this moment
  return problems.map((reason) => ({ kind: "lost", subject: `container ${name}`, reason }));
}

/** What a killed process left of a container that it made or removed. */
function orphans({ directories, state }: Engine): Finding[] {
  const parent = `${directories.data}/containers`;
  if (!existsSync(parent)) return [];
  const findings: Finding[] = [];
  for (const id of readdirSync(parent)) {
    const directory = `${parent}/${id}`;
    if (!existsSync(directory)) continue;
    using lock = tryLock(directory); // its maker holds it until there is a record
    if (lock === undefined || state.containers.get(id) !== undefined) continue;
    findings.push({ kind: "left", subject: directory, reason: "it belongs to no container" });
  }
  return findings;
}
