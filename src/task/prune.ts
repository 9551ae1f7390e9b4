/**
 * Containers that are over, and what containers take on disk.
 *
 * @module
 */

import { isNotFound } from "../errors.ts";
import { DEFAULT_NETWORK } from "../network/mod.ts";
import { type ContainerRecord, type NetworkRecord, networksOf } from "../state/mod.ts";
import { removeContainer } from "./control.ts";
import type { Engine } from "./engine.ts";
import { type ContainerSummary, listContainers } from "./list.ts";
import { logPath } from "./place.ts";

/** Bytes of what a container has written to its files and its log. */
export async function containerSize(engine: Engine, record: ContainerRecord): Promise<number> {
  const { statSync } = process.getBuiltinModule("node:fs");
  const log = statSync(logPath(engine.directories, record.id), { throwIfNoEntry: false })?.size;
  if (record.snapshotKey === "") return log ?? 0;
  try {
    const usage = await (await engine.snapshotterOf(record)).usage(record.snapshotKey);
    return usage.bytes + (log ?? 0);
  } catch (error) {
    if (isNotFound(error)) return log ?? 0; // removed meanwhile
    throw error;
  }
}

/** Whether a container has no process. */
export function isStopped({ status }: Pick<ContainerSummary, "status">): boolean {
  return status === "created" || status === "exited";
}

/**
 * Remove containers without a process.
 *
 * @returns their IDs, and the bytes that they gave back.
 */
export async function pruneContainers(
  engine: Engine,
  matches: (container: ContainerSummary) => boolean = () => true,
): Promise<{ readonly ids: readonly string[]; readonly bytes: number }> {
  const ids: string[] = [];
  let bytes = 0;
  for (const container of await listContainers(engine)) {
    if (!isStopped(container) || !matches(container)) continue;
    const { record } = container;
    const size = await containerSize(engine, record);
    try {
      await removeContainer(engine, record.id, { force: false });
    } catch (error) {
      // Removed, or started, by somebody else in this moment.
      if (
        ["not_found", "conflict", "failed_precondition"].includes((error as { code: string }).code)
      ) {
        continue;
      }
      throw error;
    }
    ids.push(record.id);
    bytes += size;
  }
  return { ids, bytes };
}

/** Remove the networks that people made and no container has. @returns their names. */
export async function pruneNetworks(
  engine: Engine,
  matches: (network: NetworkRecord) => boolean = () => true,
): Promise<string[]> {
  const isCustom = ({ name }: NetworkRecord): boolean => name !== DEFAULT_NETWORK;
  const all = (await networksOf(engine.state)).list();
  if (!all.some(isCustom)) return [];
  const networks = await engine.networks();
  const used = new Set(
    engine.state.containers.list().flatMap(({ hostConfig }) =>
      (hostConfig.networks ?? []).map(({ network }) =>
        all.find(({ id, name }) => name === network || id.startsWith(network))?.id
      )
    ),
  );
  const removed: string[] = [];
  for (const network of all) {
    if (!isCustom(network) || used.has(network.id) || !matches(network)) continue;
    await networks.remove(network);
    removed.push(network.name);
  }
  return removed;
}
