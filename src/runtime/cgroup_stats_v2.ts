/**
 * What the controllers of version 2 counted, in the words that version 1 had for it.
 *
 * @module
 */

import {
  count,
  json,
  memoryEntry,
  named,
  nonZero,
  rawMemory,
  type ReadFile,
  type StatsJson,
  statsShape,
} from "./cgroup_stats.ts";
import { cpuset, pageSizes, pidsLimit } from "./cgroup_stats_v1.ts";

/** All of it. */
export function statsV2(readIn: ReadFile): StatsJson {
  const read = (file: string) => readIn("", file);
  return statsShape({
    cpu: cpu(read),
    cpuset: cpuset(() => undefined),
    memory: memory(read),
    pids: nonZero({
      current: count(read("pids.current")),
      limit: pidsLimit(read("pids.max")),
    }),
    blkio: { ...blkio(read("io.stat")), ...pressure(read("io.pressure")) },
    hugetlb: hugetlbV2(readIn),
  });
}

type Read = (file: string) => string | undefined;

function cpu(read: Read): StatsJson {
  const stat = named(read("cpu.stat"));
  const ns = (name: string) => (stat.get(name) ?? 0n) * 1000n;
  return {
    usage: {
      ...nonZero({ total: ns("usage_usec") }),
      kernel: json(ns("system_usec")),
      user: json(ns("user_usec")),
    },
    throttling: nonZero({
      periods: stat.get("nr_periods") ?? 0n,
      throttledPeriods: stat.get("nr_throttled") ?? 0n,
      throttledTime: ns("throttled_usec"),
    }),
    ...pressure(read("cpu.pressure")),
  };
}

function memory(read: Read): StatsJson {
  const text = read("memory.stat");
  const usage = count(read("memory.current"));
  const limit = count(read("memory.max"));
  const swapLimit = read("memory.swap.max");
  const none = { limit: 0n, usage: 0n, max: 0n, failcnt: 0n };
  return {
    ...nonZero({ cache: named(text).get("file") ?? 0n }),
    usage: memoryEntry({ limit, usage, max: count(read("memory.peak")), failcnt: 0n }),
    // Version 1 counts memory and swap together.
    swap: memoryEntry({
      ...none,
      limit: swapLimit?.trim() === "max" ? count("max") : sum(count(swapLimit), limit),
      usage: count(read("memory.swap.current")) + usage,
    }),
    kernel: memoryEntry(none),
    kernelTCP: memoryEntry(none),
    ...rawMemory(text),
    ...pressure(read("memory.pressure")),
  };
}

/** No limit and something is no limit. */
function sum(a: bigint, b: bigint): bigint {
  const most = count("max");
  return a + b > most ? most : a + b;
}

/** What version 1 has a word for of what a device did. */
const OPERATIONS: Readonly<Record<string, readonly [table: string, op: string]>> = {
  rbytes: ["ioServiceBytesRecursive", "Read"],
  wbytes: ["ioServiceBytesRecursive", "Write"],
  rios: ["ioServicedRecursive", "Read"],
  wios: ["ioServicedRecursive", "Write"],
};

function blkio(text = ""): StatsJson {
  const tables: Record<string, StatsJson[]> = {};
  for (const line of text.trim().split("\n")) {
    const [device = "", ...words] = line.split(" ");
    const [major, minor] = device.split(":");
    for (const word of words) {
      const [name = "", value] = word.split("=");
      const [table, op] = OPERATIONS[name] ?? [];
      if (table === undefined) continue;
      const numbers = nonZero({ major: count(major), minor: count(minor) });
      (tables[table] ??= []).push({ ...numbers, op, ...nonZero({ value: count(value) }) });
    }
  }
  return tables;
}

/** Also of a hybrid host, whose huge pages version 2 counts. */
export function hugetlbV2(read: ReadFile): StatsJson {
  const stats: Record<string, StatsJson> = {};
  for (const size of pageSizes()) {
    const file = (name: string) =>
      read("hugetlb", `hugetlb.${size}.rsvd.${name}`) ?? read("hugetlb", `hugetlb.${size}.${name}`);
    const usage = file("current");
    if (usage === undefined) continue;
    const failcnt = named(read("hugetlb", `hugetlb.${size}.events`)).get("max") ?? 0n;
    stats[size] = { ...nonZero({ usage: count(usage) }), failcnt: json(failcnt) };
  }
  return stats;
}

/** Shares of time that tasks had to wait, in percent over some seconds, and its microseconds. */
function pressure(text: string | undefined): StatsJson {
  if (text === undefined) return {};
  const none = { avg10: 0, avg60: 0, avg300: 0, total: 0 };
  const kinds: Record<string, unknown> = { some: none, full: none };
  for (const line of text.trim().split("\n")) {
    const [kind = "", ...words] = line.split(" ");
    if (!(kind in kinds)) continue;
    kinds[kind] = Object.fromEntries(words.map((word) => {
      const [name = "", value] = word.split("=");
      return [name, name === "total" ? json(count(value)) : Number(value)];
    }));
  }
  return { psi: kinds };
}
