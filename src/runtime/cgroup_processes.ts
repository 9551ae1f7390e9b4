/**
 * The processes in a container's cgroups, and signals to all of them.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { AT, SIGNALS } from "../linux/mod.ts";
import { exists, kill, readTextIfExists, SYS, writeFile } from "../program/mod.ts";
import {
  type CgroupLayout,
  cgroupLayout,
  type CgroupPath,
  directoriesOf,
  directoryIn,
} from "./cgroup.ts";
import { freezeCgroup } from "./cgroup_freezer.ts";
import { frozenAt } from "./cgroup_place.ts";

/** Host process ids in a container's cgroups and in those that it has made below. */
export function cgroupPids(path: CgroupPath, layout: CgroupLayout = cgroupLayout()): number[] {
  const all = directoriesOf(layout, path).flatMap((directory) =>
    [directory, ...cgroupsBelow(directory)].flatMap(pidsIn)
  );
  return [...new Set(all)].sort((a, b) => a - b);
}

function pidsIn(directory: string): number[] {
  let text;
  try {
    text = readTextIfExists(`${directory}/cgroup.procs`) ?? "";
  } catch (error) {
    const { errnoName } = error as { errnoName?: string };
    if (errnoName === "ENODEV" || errnoName === "ENOENT") return []; // gone meanwhile
    if (errnoName !== "EOPNOTSUPP") throw error;
    // A threaded cgroup of version 2 tells of threads only; whose they are, the cgroup above it does.
    return [];
  }
  return text.trim() === "" ? [] : text.trim().split("\n").map(Number);
}

/** Cgroups below a directory, deepest first; there may be none. */
export function cgroupsBelow(directory: string): string[] {
  if (!hasBelow(directory)) return [];
  const fs = process.getBuiltinModule("node:fs");
  let entries;
  try {
    entries = fs.readdirSync(directory, { withFileTypes: true });
  } catch {
    return []; // gone meanwhile
  }
  return entries.filter((entry) => entry.isDirectory()).flatMap(({ name }) => {
    const child = `${directory}/${name}`;
    return [...cgroupsBelow(child), child];
  });
}

/** By the number of its links, as `find` does: itself, its name, and one from each below. */
function hasBelow(directory: string): boolean {
  const STATX_NLINK = 4;
  const buffer = new Uint8Array(256);
  const path = new TextEncoder().encode(`${directory}\0`);
  if (sys(SYS.statx, AT.AT_FDCWD, path, 0, STATX_NLINK, buffer) < 0) return false;
  return new DataView(buffer.buffer).getUint32(16, true) !== 2;
}

/**
 * Send a signal to every process in the container's cgroups and below. They stand still meanwhile, so
 * that none gets away by a fork; those that stood still before go on to do so, unless it is SIGKILL.
 *
 * @returns how many there were; not known of SIGKILL with version 2, where it is the kernel that knows
 */
export async function signalCgroup(
  path: CgroupPath,
  signal: number,
  layout: CgroupLayout = cgroupLayout(),
): Promise<number | undefined> {
  if (signal === SIGNALS.SIGKILL && layout.version === 2) {
    const file = `${directoryIn(layout.root, path)}/cgroup.kill`;
    if (exists(file)) {
      writeFile(file, "1");
      return undefined;
    }
  }
  const paused = frozenAt(path, layout);
  // Who is in it itself would wait for itself.
  const apart = !cgroupPids(path, layout).includes(process.pid);
  const frozen = paused || (apart && await tryFreeze(path, true, layout));
  let count = 0;
  try {
    for (const pid of cgroupPids(path, layout)) {
      if (pid !== process.pid && kill(pid, signal)) count++;
    }
  } finally {
    // A frozen process does not even die.
    if (frozen && (!paused || signal === SIGNALS.SIGKILL)) await tryFreeze(path, false, layout);
  }
  return count;
}

/** Not for long: what does not stop gets its signal running. */
async function tryFreeze(
  path: CgroupPath,
  frozen: boolean,
  layout: CgroupLayout,
): Promise<boolean> {
  try {
    await freezeCgroup(path, frozen, { layout, patienceMs: 500 });
    return true;
  } catch {
    return false;
  }
}
