/**
 * Moves a container that runs into a hierarchy in which it has no cgroup yet: the engine's containers
 * enter only those that most of them need.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { ensureDirectory, writeFile } from "../program/mod.ts";
import { type CgroupPath, directoryIn, type LayoutV1, removeDirectories } from "./cgroup.ts";
import { cgroupPids } from "./cgroup_processes.ts";
import { inheritCpuset } from "./cgroup_v1.ts";

/** A cgroup that has its limits, and waits for the container. */
export interface LateCgroup {
  /** Move in all processes. */
  enter(): void;
  /** Remove it. */
  abandon(): void;
}

/**
 * Make the cgroup and have its limits written; on failure nothing of it stays.
 *
 * @throws {CtrError} `not_found` when the container has no processes
 */
export function makeLate(
  layout: LayoutV1,
  { place, controller, path }: { place: string; controller: string; path: CgroupPath },
  writeLimits: () => void,
): LateCgroup {
  const directory = directoryIn(place, path)!;
  if (cgroupPids(path, layout).length === 0) {
    throw new CtrError({
      code: "not_found",
      operation: "limit",
      subject: directory,
      reason: "the container has no processes",
    });
  }
  ensureDirectory(directory);
  const abandon = () => removeDirectories([directory]);
  try {
    if (controller === "cpuset") inheritCpuset(place, directory.slice(place.length));
    writeLimits();
  } catch (error) {
    abandon();
    throw error;
  }
  return { enter: () => moveAll(directory, () => cgroupPids(path, layout)), abandon };
}

function moveAll(directory: string, pidsNow: () => number[]): void {
  const moved = new Set<number>();
  // What a process that was not moved yet has cloned meanwhile is in the next round.
  for (let pids = pidsNow(); pids.length > 0; pids = pidsNow().filter((pid) => !moved.has(pid))) {
    for (const pid of pids) {
      moved.add(pid);
      try {
        writeFile(`${directory}/cgroup.procs`, String(pid));
      } catch (error) {
        if ((error as { errnoName?: string }).errnoName !== "ESRCH") throw error; // it has ended
      }
    }
  }
}
