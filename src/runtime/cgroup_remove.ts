/**
 * Ends what is left in a container's cgroups and removes them; and reads what they counted.
 *
 * @module
 */

import {
  ensureDirectory,
  exists,
  kill,
  readText,
  readTextIfExists,
  rmdir,
  writeFile,
} from "../program/mod.ts";
import { type CgroupLayout, cgroupLayout, checkedCgroupPath } from "./cgroup.ts";
import type { CgroupStats } from "./types.ts";

function directories(layout: CgroupLayout, path: string): string[] {
  const roots = layout.version === 2 ? [layout.root] : [...new Set(layout.controllers.values())];
  return roots.map((root) => root + checkedCgroupPath(path));
}

/** Host process ids in a cgroup. */
export function cgroupPids(path: string, layout: CgroupLayout = cgroupLayout()): number[] {
  const found = new Set<number>();
  for (const directory of directories(layout, path)) {
    const text = readTextIfExists(`${directory}/cgroup.procs`) ?? "";
    for (const line of text.split("\n")) if (line !== "") found.add(Number(line));
  }
  return [...found];
}

/**
 * Kill every process in the container's cgroups and remove the directories. Idempotent.
 *
 * A killed process leaves its cgroup when it exits, a moment later: the removal is tried again after
 * growing pauses, which an empty cgroup, the usual case, never sees.
 */
export async function removeCgroup(
  path: string,
  layout: CgroupLayout = cgroupLayout(),
): Promise<void> {
  const SIGKILL = 9;
  for (const directory of directories(layout, path)) {
    for (let pauseMs = 1; exists(directory); pauseMs = Math.min(pauseMs * 2, 100)) {
      try {
        if (pauseMs > 1) { for (const child of childrenOf(directory)) rmdir(child); }
        rmdir(directory);
        break;
      } catch (error) {
        if (pauseMs >= 100) throw error;
        if (layout.version === 1 && exists(`${directory}/freezer.state`)) {
          writeFile(`${directory}/freezer.state`, "THAWED"); // a frozen process does not die
        }
        if (exists(`${directory}/cgroup.kill`)) writeFile(`${directory}/cgroup.kill`, "1");
        else for (const pid of cgroupPids(path, layout)) kill(pid, SIGKILL);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  }
}

/** Cgroups that the container made in its own, deepest first; it may have none. */
function childrenOf(directory: string): string[] {
  // A cgroup without children has a link count of two; only listing tells names.
  const fs = process.getBuiltinModule("node:fs");
  const found: string[] = [];
  for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const child = `${directory}/${entry.name}`;
    found.push(...childrenOf(child), child);
  }
  return found;
}

/** Stop or go on with every process of the container. */
export function freezeCgroup(
  path: string,
  frozen: boolean,
  layout: CgroupLayout = cgroupLayout(),
): void {
  if (layout.version === 2) {
    writeFile(`${layout.root}${checkedCgroupPath(path)}/cgroup.freeze`, frozen ? "1" : "0");
    return;
  }
  const mount = layout.controllers.get("freezer");
  if (mount === undefined) throw new RangeError("this host has no freezer controller");
  const directory = mount + checkedCgroupPath(path);
  ensureDirectory(directory);
  writeFile(`${directory}/freezer.state`, frozen ? "FROZEN" : "THAWED");
}

/** What the controllers counted. A missing file is a missing field. */
export function cgroupStats(path: string, layout: CgroupLayout = cgroupLayout()): CgroupStats {
  const checked = checkedCgroupPath(path);
  const read = (controller: string, v1: string, v2: string): string | undefined => {
    if (layout.version === 2) return readTextIfExists(`${layout.root}${checked}/${v2}`);
    const mount = layout.controllers.get(controller);
    return mount === undefined ? undefined : readTextIfExists(`${mount}${checked}/${v1}`);
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

/** How many processes the kernel killed for want of memory. Cheap: one file. */
export function oomKills(path: string): number {
  const layout = cgroupLayout();
  const checked = checkedCgroupPath(path);
  const file = layout.version === 2
    ? `${layout.root}${checked}/memory.events`
    : `${layout.controllers.get("memory") ?? ""}${checked}/memory.oom_control`;
  if (!exists(file)) return 0;
  return Number(/^oom_kill (\d+)$/m.exec(readText(file))?.[1] ?? 0);
}
