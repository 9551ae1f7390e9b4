/**
 * What `Stats` answers: containerd's metrics of a container's cgroups, in the words of the hierarchy's
 * version.
 *
 * @see https://github.com/containerd/cgroups
 * @module
 */

import { cgroupVersion } from "../runtime/mod.ts";
import { decode, type Decoded, type Encodable, encode, type Message } from "./protobuf.ts";
import type { ANY } from "./task_api.ts";

const ENTRY = {
  limit: [1, "int"],
  usage: [2, "int"],
  max: [3, "int"],
  failcnt: [4, "int"],
} as const satisfies Message;
const DEVICE = {
  op: [1, "string"],
  device: [2, "string"],
  major: [3, "int"],
  minor: [4, "int"],
  value: [5, "int"],
} as const satisfies Message;

/** Names in `memory.stat`, in the order of the fields. */
const MEMORY_V1 = [
  ...["cache", "rss", "rss_huge", "mapped_file", "dirty", "writeback", "pgpgin", "pgpgout"],
  ...["pgfault", "pgmajfault", "inactive_anon", "active_anon", "inactive_file", "active_file"],
  ...["unevictable", "hierarchical_memory_limit", "hierarchical_memsw_limit"],
  ...["total_cache", "total_rss", "total_rss_huge", "total_mapped_file", "total_dirty"],
  ...["total_writeback", "total_pgpgin", "total_pgpgout", "total_pgfault", "total_pgmajfault"],
  ...["total_inactive_anon", "total_active_anon", "total_inactive_file", "total_active_file"],
  "total_unevictable",
] as const;
const MEMORY_V2 = [
  ...["anon", "file", "kernel_stack", "slab", "sock", "shmem", "file_mapped", "file_dirty"],
  ...["file_writeback", "anon_thp", "inactive_anon", "active_anon", "inactive_file"],
  ...["active_file", "unevictable", "slab_reclaimable", "slab_unreclaimable", "pgfault"],
  ...["pgmajfault", "workingset_refault", "workingset_activate", "workingset_nodereclaim"],
  ...["pgrefill", "pgscan", "pgsteal", "pgactivate", "pgdeactivate", "pglazyfree"],
  ...["pglazyfreed", "thp_fault_alloc", "thp_collapse_alloc"],
] as const;

function numbered<Name extends string>(
  names: readonly Name[],
): Readonly<Record<Name, readonly [number, "int"]>> {
  return Object.fromEntries(
    names.map((name, index) => [name, [index + 1, "int"] as const]),
  ) as Readonly<Record<Name, readonly [number, "int"]>>;
}

/** io.containerd.cgroups.v1.Metrics */
export const METRICS_V1 = {
  hugetlb: [1, {
    usage: [1, "int"],
    max: [2, "int"],
    failcnt: [3, "int"],
    pagesize: [4, "string"],
  }, "repeated"],
  pids: [2, { current: [1, "int"], limit: [2, "int"] }],
  cpu: [3, {
    usage: [1, {
      total: [1, "int"],
      kernel: [2, "int"],
      user: [3, "int"],
      percpu: [4, "int", "repeated"],
    }],
    throttling: [2, {
      periods: [1, "int"],
      throttledPeriods: [2, "int"],
      throttledTime: [3, "int"],
    }],
  }],
  memory: [4, {
    ...numbered(MEMORY_V1),
    usage: [33, ENTRY],
    swap: [34, ENTRY],
    kernel: [35, ENTRY],
    kernelTCP: [36, ENTRY],
  }],
  blkio: [5, {
    ioServiceBytesRecursive: [1, DEVICE, "repeated"],
    ioServicedRecursive: [2, DEVICE, "repeated"],
    ioQueueRecursive: [3, DEVICE, "repeated"],
    ioServiceTimeRecursive: [4, DEVICE, "repeated"],
    ioWaitTimeRecursive: [5, DEVICE, "repeated"],
    ioMergedRecursive: [6, DEVICE, "repeated"],
    ioTimeRecursive: [7, DEVICE, "repeated"],
    sectorsRecursive: [8, DEVICE, "repeated"],
  }],
} as const satisfies Message;

/** io.containerd.cgroups.v2.Metrics */
export const METRICS_V2 = {
  pids: [1, { current: [1, "int"], limit: [2, "int"] }],
  cpu: [2, {
    usageUsec: [1, "int"],
    userUsec: [2, "int"],
    systemUsec: [3, "int"],
    nrPeriods: [4, "int"],
    nrThrottled: [5, "int"],
    throttledUsec: [6, "int"],
  }],
  memory: [4, {
    ...numbered(MEMORY_V2),
    usage: [32, "int"],
    usageLimit: [33, "int"],
    swapUsage: [34, "int"],
    swapLimit: [35, "int"],
  }],
  io: [6, {
    usage: [1, {
      major: [1, "int"],
      minor: [2, "int"],
      rbytes: [3, "int"],
      wbytes: [4, "int"],
      rios: [5, "int"],
      wios: [6, "int"],
    }, "repeated"],
  }],
  hugetlb: [7, {
    current: [1, "int"],
    max: [2, "int"],
    pagesize: [3, "string"],
  }, "repeated"],
} as const satisfies Message;

const TYPES = { 1: "io.containerd.cgroups.v1.Metrics", 2: "io.containerd.cgroups.v2.Metrics" };

/** What a runtime counted, as far as it is needed here; see `cgroup_stats.ts`. */
interface Counted {
  readonly pids: Counts;
  readonly cpu: { readonly usage: Counts; readonly throttling: Counts };
  readonly memory: Counts & {
    readonly usage: Counts;
    readonly swap: Counts;
    readonly raw?: Counts;
  };
  readonly blkio: Readonly<Record<string, readonly Device[] | undefined>>;
  readonly hugetlb: Readonly<Record<string, Counts>>;
}
type Counts = Readonly<Record<string, any>>;
interface Device {
  readonly major?: number;
  readonly minor?: number;
  readonly op?: string;
  readonly value?: number;
}

/** The largest number below 2^64 that JavaScript has. */
const LARGEST = 18446744073709549568;

/** Counts beyond 2^53 come as raw JSON. */
function plain(_: string, value: unknown): unknown {
  return typeof value === "number" ? Math.min(value, LARGEST) : value;
}

/** Metrics of what a runtime counted. */
export function metricsOf(
  stats: Readonly<Record<string, unknown>>,
  version: 1 | 2 = cgroupVersion(),
): { readonly typeUrl: string; readonly value: Uint8Array } {
  const counted = JSON.parse(JSON.stringify(stats), plain) as Counted;
  const value = version === 1
    ? encode(METRICS_V1, metricsV1(counted))
    : encode(METRICS_V2, metricsV2(counted));
  return { typeUrl: TYPES[version], value };
}

function metricsV1({ pids, cpu, memory, blkio, hugetlb }: Counted): Encodable<typeof METRICS_V1> {
  return {
    pids,
    cpu,
    memory: { ...memory["raw"], ...memory } as never,
    blkio: blkio as never,
    hugetlb: Object.entries(hugetlb).map(([pagesize, counts]) => ({ ...counts, pagesize })),
  };
}

function metricsV2({ pids, cpu, memory, blkio, hugetlb }: Counted): Encodable<typeof METRICS_V2> {
  const { usage, throttling } = cpu;
  const usec = (ns = 0) => Math.round(ns / 1000);
  return {
    pids,
    cpu: {
      usageUsec: usec(usage["total"]),
      userUsec: usec(usage["user"]),
      systemUsec: usec(usage["kernel"]),
      nrPeriods: throttling["periods"] ?? 0,
      nrThrottled: throttling["throttledPeriods"] ?? 0,
      throttledUsec: usec(throttling["throttledTime"]),
    },
    memory: {
      ...memory.raw,
      usage: memory.usage["usage"] ?? 0,
      usageLimit: memory.usage["limit"] ?? 0,
      swapUsage: Math.max(0, (memory.swap["usage"] ?? 0) - (memory.usage["usage"] ?? 0)),
      swapLimit: memory.swap["limit"] ?? 0,
    } as never,
    io: { usage: devices(blkio) },
    hugetlb: Object.entries(hugetlb).map(([pagesize, { usage = 0 }]) => ({
      current: usage,
      pagesize,
    })),
  };
}

/** A line per device, from a table per operation. */
function devices(tables: Counted["blkio"]) {
  const lines = new Map<string, Record<string, number>>();
  const words = { ioServiceBytesRecursive: "bytes", ioServicedRecursive: "ios" };
  for (const [table, unit] of Object.entries(words)) {
    for (const { major = 0, minor = 0, op, value = 0 } of tables[table] ?? []) {
      const line = lines.get(`${major}:${minor}`) ?? { major, minor };
      lines.set(`${major}:${minor}`, line);
      line[`${op === "Read" ? "r" : "w"}${unit}`] = value;
    }
  }
  return [...lines.values()];
}

/** Metrics of either version, from whichever shim. */
export type Metrics =
  | { readonly version: 1; readonly metrics: Decoded<typeof METRICS_V1> }
  | { readonly version: 2; readonly metrics: Decoded<typeof METRICS_V2> };

/** Read what a shim answered; undefined when it is something else. */
export function readMetrics(any: Decoded<typeof ANY> | undefined): Metrics | undefined {
  const type = any?.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1);
  if (type === TYPES[1]) return { version: 1, metrics: decode(METRICS_V1, any!.value) };
  if (type === TYPES[2]) return { version: 2, metrics: decode(METRICS_V2, any!.value) };
  return undefined;
}
