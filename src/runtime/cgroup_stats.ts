/**
 * What the controllers counted, in the words of `runc events --stats`.
 *
 * @see https://github.com/opencontainers/runc/blob/main/types/events.go
 * @module
 */

import { readTextIfExists } from "../program/mod.ts";
import { type CgroupLayout, cgroupLayout, type CgroupPath, directoryIn } from "./cgroup.ts";

/** A JSON object; numbers that are too large for one of JavaScript are written in full all the same. */
export type StatsJson = Readonly<Record<string, unknown>>;

/** The text of a file of a controller, or undefined where there is none. */
export type ReadFile = (controller: string, file: string) => string | undefined;

/** The `data` of an event of the type `stats`. What is not there is 0 or, as in runc, left out. */
export async function containerStatsJson(
  path: CgroupPath,
  layout: CgroupLayout = cgroupLayout(),
): Promise<StatsJson> {
  const reader = (placeOf: (controller: string) => string | undefined): ReadFile => {
    return (controller, file) => {
      const place = placeOf(controller);
      const directory = place === undefined ? undefined : directoryIn(place, path);
      return directory === undefined ? undefined : readIfPossible(`${directory}/${file}`);
    };
  };
  if (layout.version === 2) {
    return (await import("./cgroup_stats_v2.ts")).statsV2(reader(() => layout.root));
  }
  const stats = (await import("./cgroup_stats_v1.ts")).statsV1(
    reader((controller) => layout.controllers.get(controller)),
  );
  if (layout.unified === undefined || layout.controllers.has("hugetlb")) return stats;
  const { hugetlbV2 } = await import("./cgroup_stats_v2.ts");
  return { ...stats, hugetlb: hugetlbV2(reader(() => layout.unified)) };
}

/** Some files are there and cannot be read: pressure, where the kernel was told not to measure it. */
function readIfPossible(path: string): string | undefined {
  try {
    return readTextIfExists(path);
  } catch {
    return undefined;
  }
}

/** The order and the shape of all of it. */
export function statsShape(
  parts: Readonly<Record<"cpu" | "cpuset" | "memory" | "pids" | "blkio" | "hugetlb", StatsJson>>,
): StatsJson {
  const { cpu, cpuset, memory, pids, blkio, hugetlb } = parts;
  return {
    cpu,
    cpuset,
    memory,
    pids,
    blkio,
    hugetlb,
    intel_rdt: {},
    network_interfaces: null,
  };
}

const LARGEST = (1n << 64n) - 1n;

/** A count of 64 bits; `max` is the largest, and what is not there is 0. */
export function count(text: string | undefined): bigint {
  const word = text?.trim() ?? "";
  return word === "max" ? LARGEST : /^\d+$/.test(word) ? BigInt(word) : 0n;
}

/** A count as a value that `JSON.stringify` writes in full. */
export function json(value: bigint): unknown {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(String(value));
}

/** Counts by name, without those that are 0. */
export function nonZero(counts: Readonly<Record<string, bigint>>): Record<string, unknown> {
  const left = Object.entries(counts).filter(([, value]) => value !== 0n);
  return Object.fromEntries(left.map(([name, value]) => [name, json(value)]));
}

/** The lines `NAME COUNT` of a file. */
export function named(text: string | undefined): ReadonlyMap<string, bigint> {
  const lines = text?.trim() ? text.trim().split("\n") : [];
  return new Map(lines.map((line) => {
    const [name = "", value] = line.split(/\s+/);
    return [name, count(value)];
  }));
}

/** `0-2,5` as numbers. */
export function numberList(text: string | undefined): number[] {
  return (text?.trim() ?? "").split(",").filter((range) => range !== "").flatMap((range) => {
    const [from = 0, to = from] = range.split("-").map(Number);
    return Array.from({ length: to - from + 1 }, (_, index) => from + index);
  });
}

/** Usage, limit and failures of a kind of memory. */
export function memoryEntry(
  { limit, usage, max, failcnt }: Record<"limit" | "usage" | "max" | "failcnt", bigint>,
): StatsJson {
  return { limit: json(limit), ...nonZero({ usage, max }), failcnt: json(failcnt) };
}

/** `memory.stat` as it is, in the order of the names, as Go writes a map. */
export function rawMemory(text: string | undefined): StatsJson {
  const sorted = [...named(text)].sort(([a], [b]) => a < b ? -1 : 1);
  return sorted.length === 0
    ? {}
    : { raw: Object.fromEntries(sorted.map(([name, value]) => [name, json(value)])) };
}
