/**
 * Ends what is left in a container's cgroups and removes them; and reads what they counted.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { exists, kill, readTextIfExists, rmdir, writeFile } from "../program/mod.ts";
import {
  type CgroupLayout,
  cgroupLayout,
  type CgroupPath,
  directoriesOf,
  directoryIn,
} from "./cgroup.ts";
import type { CgroupStats } from "./types.ts";

/** Host process ids in a cgroup. */
export function cgroupPids(path: CgroupPath, layout: CgroupLayout = cgroupLayout()): number[] {
  return [...new Set(directoriesOf(layout, path).flatMap(pidsIn))];
}

function pidsIn(directory: string): number[] {
  const text = readTextIfExists(`${directory}/cgroup.procs`)?.trim() ?? "";
  return text === "" ? [] : text.split("\n").map(Number);
}

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
  const until = Date.now() + PATIENCE_MS;
  for (let pauseMs = 1; busy.length > 0; pauseMs = Math.min(pauseMs * 2, 50)) {
    killCgroup(path, layout);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    for (const directory of busy) for (const child of childrenOf(directory)) removed(child);
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
    throw error;
  }
}

/** Kill what is in a cgroup and below, without a chance to fork away. */
export function killCgroup(
  path: CgroupPath,
  layout: CgroupLayout = cgroupLayout(),
): void {
  if (layout.version === 2) {
    const file = `${directoryIn(layout.root, path)}/cgroup.kill`;
    if (exists(file)) return writeFile(file, "1");
  }
  const SIGKILL = 9;
  const frozen = setFrozen(path, true, layout);
  const below = new Set(cgroupPids(path, layout));
  for (const directory of directoriesOf(layout, path)) {
    for (const child of childrenOf(directory)) for (const pid of pidsIn(child)) below.add(pid);
  }
  for (const pid of below) kill(pid, SIGKILL);
  // A frozen process does not even die.
  if (frozen) setFrozen(path, false, layout);
}

/** Cgroups that the container made in its own, deepest first; it may have none. */
function childrenOf(directory: string): string[] {
  const fs = process.getBuiltinModule("node:fs");
  let entries;
  try {
    entries = fs.readdirSync(directory, { withFileTypes: true });
  } catch {
    return []; // gone meanwhile
  }
  return entries.filter((entry) => entry.isDirectory()).flatMap(({ name }) => {
    const child = `${directory}/${name}`;
    return [...childrenOf(child), child];
  });
}

/**
 * Stop or go on with every process of the container.
 *
 * @throws {CtrError} `failed_precondition` when this host cannot
 */
export function freezeCgroup(
  path: CgroupPath,
  frozen: boolean,
  layout: CgroupLayout = cgroupLayout(),
): void {
  if (setFrozen(path, frozen, layout)) return;
  throw new CtrError({
    code: "failed_precondition",
    operation: frozen ? "pause" : "resume",
    subject: typeof path === "string" ? path : Object.values(path)[0]!,
    reason: "it has no cgroup with a freezer on this host",
  });
}

function setFrozen(path: CgroupPath, frozen: boolean, layout: CgroupLayout): boolean {
  const root = layout.version === 2 ? layout.root : layout.controllers.get("freezer");
  if (root === undefined) return false;
  const file = layout.version === 2 ? "cgroup.freeze" : "freezer.state";
  const whole = `${directoryIn(root, path)}/${file}`;
  if (!exists(whole)) return false;
  const word = layout.version === 2 ? frozen ? "1" : "0" : frozen ? "FROZEN" : "THAWED";
  writeFile(whole, word);
  return true;
}

/** What the controllers counted. A missing file is a missing field. */
export function cgroupStats(path: CgroupPath, layout: CgroupLayout = cgroupLayout()): CgroupStats {
  const read = (controller: string, v1: string, v2: string): string | undefined => {
    if (layout.version === 2) return readTextIfExists(`${directoryIn(layout.root, path)}/${v2}`);
    const mount = layout.controllers.get(controller);
    return mount === undefined ? undefined : readTextIfExists(`${directoryIn(mount, path)}/${v1}`);
  };
  const number = (text: string | undefined): number | undefined =>
    text === undefined || !/^\d+$/.test(text.trim()) ? undefined : Number(text);
  const field = (text: string | undefined, name: string): number | undefined =>
    number(text?.split("\n").find((line) => line.startsWith(name + " "))?.slice(name.length + 1));
  const cpu = read("cpuacct", "cpuacct.usage", "cpu.stat");
  const stats: { -readonly [K in keyof CgroupStats]: CgroupStats[K] | undefined } = {
    memoryBytes: number(read("memory", "memory.usage_in_bytes", "memory.current")),
    memoryLimitBytes: number(read("memory", "memory.limit_in_bytes", "memory.max")),
    cpuNs: layout.version === 1 ? number(cpu) : multiply(field(cpu, "usage_usec"), 1000),
    pids: number(read("pids", "pids.current", "pids.current")),
    oomKills: field(read("memory", "memory.oom_control", "memory.events"), "oom_kill"),
  };
  return Object.fromEntries(
    Object.entries(stats).filter(([, value]) => value !== undefined),
  ) as CgroupStats;
}

function multiply(value: number | undefined, by: number): number | undefined {
  return value === undefined ? undefined : value * by;
}
