/**
 * What the controllers of version 1 counted.
 *
 * @module
 */

import {
  count,
  json,
  memoryEntry,
  named,
  nonZero,
  numberList,
  rawMemory,
  type ReadFile,
  type StatsJson,
  statsShape,
} from "./cgroup_stats.ts";

/** All of it. */
export function statsV1(read: ReadFile): StatsJson {
  return statsShape({
    cpu: cpu(read),
    cpuset: cpuset((file) => read("cpuset", `cpuset.${file}`)),
    memory: memory((file) => read("memory", `memory.${file}`)),
    pids: nonZero({
      current: count(read("pids", "pids.current")),
      limit: pidsLimit(read("pids", "pids.max")),
    }),
    blkio: blkio((file) => read("blkio", `blkio.${file}`)),
    hugetlb: hugetlb(read),
  });
}

/** No limit is 0. */
export function pidsLimit(text: string | undefined): bigint {
  return text?.trim() === "max" ? 0n : count(text);
}

/** `cpuacct.stat` counts in ticks of a hundredth of a second. */
const TICK_NS = 10_000_000n;

function cpu(read: ReadFile): StatsJson {
  const file = (name: string) => read("cpuacct", `cpuacct.${name}`);
  const list = (name: string, values: readonly bigint[]) =>
    values.length === 0 ? {} : { [name]: values.map(json) };
  const words = file("usage_percpu")?.trim();
  const ticks = named(file("stat"));
  const rows = (file("usage_all")?.trim().split("\n").slice(1) ?? []).map((row) => row.split(" "));
  const throttling = named(read("cpu", "cpu.stat"));
  return {
    usage: {
      ...nonZero({ total: count(file("usage")) }),
      ...list("percpu", words ? words.split(/\s+/).map(count) : []),
      ...list("percpu_kernel", rows.map(([, , system]) => count(system))),
      ...list("percpu_user", rows.map(([, user]) => count(user))),
      kernel: json((ticks.get("system") ?? 0n) * TICK_NS),
      user: json((ticks.get("user") ?? 0n) * TICK_NS),
    },
    throttling: nonZero({
      periods: throttling.get("nr_periods") ?? 0n,
      throttledPeriods: throttling.get("nr_throttled") ?? 0n,
      throttledTime: throttling.get("throttled_time") ?? 0n,
    }),
  };
}

/** Also the shape that version 2 fills with zeros. */
export function cpuset(file: (name: string) => string | undefined): StatsJson {
  const list = (name: string) => {
    const numbers = numberList(file(name));
    return numbers.length === 0 ? {} : { [name]: numbers };
  };
  const flag = (name: string) => json(count(file(name)));
  return {
    ...list("cpus"),
    cpu_exclusive: flag("cpu_exclusive"),
    ...list("mems"),
    mem_hardwall: flag("mem_hardwall"),
    mem_exclusive: flag("mem_exclusive"),
    memory_migrate: flag("memory_migrate"),
    memory_spread_page: flag("memory_spread_page"),
    memory_spread_slab: flag("memory_spread_slab"),
    memory_pressure: flag("memory_pressure"),
    sched_load_balance: flag("sched_load_balance"),
    sched_relax_domain_level: Number(file("sched_relax_domain_level") ?? 0),
  };
}

function memory(file: (name: string) => string | undefined): StatsJson {
  const entry = (prefix = "") =>
    memoryEntry({
      limit: count(file(`${prefix}limit_in_bytes`)),
      usage: count(file(`${prefix}usage_in_bytes`)),
      max: count(file(`${prefix}max_usage_in_bytes`)),
      failcnt: count(file(`${prefix}failcnt`)),
    });
  const text = file("stat");
  return {
    ...nonZero({ cache: named(text).get("cache") ?? 0n }),
    usage: entry(),
    swap: entry("memsw."),
    kernel: entry("kmem."),
    kernelTCP: entry("kmem.tcp."),
    ...rawMemory(text),
  };
}

/** Names of runc, and the files they come from with either of the two schedulers. */
const BLKIO = {
  ioServiceBytesRecursive: "io_service_bytes_recursive",
  ioServicedRecursive: "io_serviced_recursive",
  ioQueueRecursive: "io_queued_recursive",
  ioServiceTimeRecursive: "io_service_time_recursive",
  ioWaitTimeRecursive: "io_wait_time_recursive",
  ioMergedRecursive: "io_merged_recursive",
  ioTimeRecursive: "time_recursive",
  sectorsRecursive: "sectors_recursive",
} as const;

/** Whoever counts: the scheduler that divides the disk's time, or else the one that throttles. */
function blkio(file: (name: string) => string | undefined): StatsJson {
  for (const prefix of ["bfq.", "", "throttle."]) {
    const found = Object.entries(BLKIO)
      .map(([name, from]) => [name, blkioEntries(file(prefix + from))] as const)
      .filter(([, entries]) => entries.length > 0);
    if (found.length > 0) return Object.fromEntries(found);
  }
  return {};
}

function blkioEntries(text: string | undefined): StatsJson[] {
  return (text ?? "").split("\n").flatMap((line) => {
    const [, major, minor, op, value] = /^(\d+):(\d+) (?:(\w+) )?(\d+)$/.exec(line) ?? [];
    if (value === undefined) return []; // the total
    return [{
      ...nonZero({ major: count(major), minor: count(minor) }),
      ...op === undefined ? {} : { op },
      ...nonZero({ value: count(value) }),
    }];
  });
}

function hugetlb(read: ReadFile): StatsJson {
  const stats: Record<string, StatsJson> = {};
  for (const size of pageSizes()) {
    const file = (name: string) =>
      read("hugetlb", `hugetlb.${size}.rsvd.${name}`) ?? read("hugetlb", `hugetlb.${size}.${name}`);
    const usage = file("usage_in_bytes");
    if (usage === undefined) continue;
    stats[size] = {
      ...nonZero({ usage: count(usage), max: count(file("max_usage_in_bytes")) }),
      failcnt: json(count(file("failcnt"))),
    };
  }
  return stats;
}

/** The sizes of huge pages that this machine may have, in the kernel's words. */
export function pageSizes(): readonly string[] {
  return ["64KB", "1MB", "2MB", "16MB", "32MB", "512MB", "1GB", "16GB"];
}
