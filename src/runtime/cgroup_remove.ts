/**
 * Ends what is left in a container's cgroups and removes them.
 *
 * @module
 */

import { SIGNALS } from "../linux/mod.ts";
import { exists, rmdir } from "../program/mod.ts";
import { type CgroupLayout, cgroupLayout, type CgroupPath, directoriesOf } from "./cgroup.ts";

/** How long processes that were killed may take to go. */
const PATIENCE_MS = 10_000;

/**
 * Kill every process in the container's cgroups and remove the directories. Idempotent.
 *
 * An empty cgroup, the usual case, goes at once. A process that is killed leaves its cgroup a moment
 * later, so then the removal is tried again after growing pauses.
 *
 * @throws {SyscallError} when processes survive for 10 s, in uninterruptible sleep perhaps
 */
export async function removeCgroup(
  path: CgroupPath,
  layout: CgroupLayout = cgroupLayout(),
): Promise<void> {
  let busy = directoriesOf(layout, path).filter((directory) => !removed(directory));
  if (busy.length === 0) return;
  const { cgroupsBelow, signalCgroup } = await import("./cgroup_processes.ts");
  const until = Date.now() + PATIENCE_MS;
  for (let pauseMs = 1; busy.length > 0; pauseMs = Math.min(pauseMs * 2, 50)) {
    await signalCgroup(path, SIGNALS.SIGKILL, layout);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    for (const directory of busy) for (const child of cgroupsBelow(directory)) removed(child);
    busy = busy.filter((directory) => !removed(directory));
    if (Date.now() > until && busy.length > 0) rmdir(busy[0]!);
  }
}

/** True when the directory is gone, false while something is in it. */
function removed(directory: string): boolean {
  try {
    rmdir(directory);
    return true;
  } catch (error) {
    const { errnoName } = error as { errnoName?: string };
    if (errnoName === "EBUSY" || errnoName === "ENOTEMPTY") return false;
    // Without the right to, or read-only, that is said even of what does not exist.
    if (!exists(directory)) return true;
    throw error;
  }
}
