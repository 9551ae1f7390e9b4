/**
 * Removes what processes left that were killed while they made or removed a container: directories
 * without a record, and containers of `run --rm` that were never started, which nobody holds.
 *
 * @module
 */

import { isNotFound } from "../errors.ts";
import { exists } from "../program/mod.ts";
import { tryLock } from "./container_lock.ts";
import { removeFiles } from "./create.ts";
import { SNAPSHOTTERS } from "../snapshot/mod.ts";
import type { Engine } from "./engine.ts";
import { dataDir } from "./place.ts";
import { endOrphans } from "./task_state.ts";

/** Costs one look into a directory when there is nothing to do. */
export async function sweepContainers(engine: Engine): Promise<void> {
  const { existsSync, readdirSync } = process.getBuiltinModule("node:fs");
  const parent = `${engine.directories.data}/containers`;
  if (!existsSync(parent)) return;
  let found = false;
  for (const id of readdirSync(parent)) {
    if (!/^[0-9a-f]{64}$/.test(id) || isSomebodys(engine, id)) continue;
    try {
      using lock = tryLock(dataDir(engine.directories, id));
      // A maker holds it until there is a record; a remover forgets the record first.
      if (lock === undefined || isSomebodys(engine, id)) continue;
      found = true;
      engine.state.containers.remove(id);
      await endOrphans(engine, id);
      for (const snapshotter of SNAPSHOTTERS) { // the record that named it is gone
        if (engine.state.snapshots(snapshotter).get(id) === undefined) continue;
        await (await engine.snapshotterOf({ snapshotter })).remove(id);
      }
      await removeFiles(engine, { id, snapshotter: "", snapshotKey: "" });
    } catch (error) {
      if (!isNotFound(error)) throw error; // somebody else was faster
    }
  }
  if (!found) return;
  for (const snapshotter of SNAPSHOTTERS) {
    await (await engine.snapshotterOf({ snapshotter })).cleanup();
  }
}

/** How long a shim may need to start what it was told to before its client was killed. */
const PATIENCE_MS = 2000;

/** Whether there is a record of a container that anybody will come back to. */
function isSomebodys(engine: Engine, id: string): boolean {
  const record = engine.state.containers.get(id);
  if (record === undefined) return false;
  if (record.startsAtOnce !== true || !record.hostConfig.autoRemove) return true;
  return Date.now() - record.createdAt < PATIENCE_MS ||
    exists(`${dataDir(engine.directories, id)}/state.json`);
}
