/**
 * The few numbers of a container that the engine shows.
 *
 * @module
 */

import { readTextIfExists } from "../program/mod.ts";
import { type CgroupLayout, cgroupLayout, type CgroupPath, directoryIn } from "./cgroup.ts";
import type { CgroupStats } from "./types.ts";

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
