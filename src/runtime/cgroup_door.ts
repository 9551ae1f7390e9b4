/**
 * What can be done with a container's cgroups, by where they are; each loaded when it is needed.
 *
 * @module
 */

import type { OciResources } from "../oci/mod.ts";
import type { CgroupPath } from "./cgroup.ts";
import type { OomWatch } from "./types.ts";

/** Kill what is left in the cgroups and remove them. Idempotent. */
export async function destroyAt(path: CgroupPath): Promise<void> {
  await (await import("./cgroup_remove.ts")).removeCgroup(path);
}

/** Host process ids of everything in the cgroups and below, in ascending order. */
export async function pidsAt(path: CgroupPath): Promise<number[]> {
  return (await import("./cgroup_processes.ts")).cgroupPids(path);
}

/**
 * Send a signal to everything in the cgroups and below, without a chance to fork away from it. What is
 * frozen stays so, but for SIGKILL. This process itself gets none.
 *
 * @returns how many got it; undefined if the kernel did it without telling
 */
export async function signalAt(path: CgroupPath, signal: number): Promise<number | undefined> {
  return await (await import("./cgroup_processes.ts")).signalCgroup(path, signal);
}

/**
 * Stop or go on with everything in the cgroups and below, and return when that is so.
 *
 * @throws {CtrError} `failed_precondition` when this host cannot, `deadline_exceeded` when a process
 * does not stop, and all go on again
 */
export async function freezeAt(path: CgroupPath, frozen: boolean): Promise<void> {
  await (await import("./cgroup_freezer.ts")).freezeCgroup(path, frozen);
}

/**
 * Change limits of a container that runs: all that are asked for or, when the kernel refuses one, none.
 * Those that are not mentioned stay; what is mentioned is counted from what is there, so a caller that
 * knows the whole of what a person wants (memory and swap together, say) gives the whole.
 *
 * @param path where the container's cgroups are below their hierarchies
 */
export async function updateResourcesAt(
  path: CgroupPath,
  resources: OciResources,
): Promise<void> {
  await (await import("./cgroup_update.ts")).updateCgroup(path, resources);
}

/**
 * The `data` object of an event of `runc events --stats`. Counts beyond 2^53 are raw JSON numbers:
 * they are for `JSON.stringify`.
 */
export async function containerStatsJsonAt(
  path: CgroupPath,
): Promise<Readonly<Record<string, unknown>>> {
  return await (await import("./cgroup_stats.ts")).containerStatsJson(path);
}

/**
 * Tell when the kernel runs out of a container's memory, from now on.
 *
 * @example
 * ```ts
 * const watch = await watchOomAt("/ctr/web");
 * for await (const _ of watch.events) console.log("out of memory");
 * ```
 */
export async function watchOomAt(path: CgroupPath): Promise<OomWatch> {
  return (await import("./cgroup_oom.ts")).watchOom(path);
}
