import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { CgroupLayout } from "./cgroup.ts";
import { containerStatsJson } from "./cgroup_stats.ts";

/** The statistics of cgroups that are no more than their files. */
async function statsOf(
  files: Record<string, string>,
  layoutOf: (root: string) => CgroupLayout,
): Promise<unknown> {
  const root = mkdtempSync(join(tmpdir(), "ctr-stats-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), text);
    }
    return JSON.parse(JSON.stringify(await containerStatsJson("/c", layoutOf(root))));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const NO_CPUSET = {
  cpu_exclusive: 0,
  mem_hardwall: 0,
  mem_exclusive: 0,
  memory_migrate: 0,
  memory_spread_page: 0,
  memory_spread_slab: 0,
  memory_pressure: 0,
  sched_load_balance: 0,
  sched_relax_domain_level: 0,
};
const NONE = { limit: 0, failcnt: 0 };

test("containerStatsJson() reads version 1", async () => {
  const files = {
    "cpu/c/cpu.stat": "nr_periods 5\nnr_throttled 0\nthrottled_time 7\n",
    "cpu/c/cpuacct.usage": "30\n",
    "cpu/c/cpuacct.usage_percpu": "10 20 \n",
    "cpu/c/cpuacct.usage_all": "cpu user system\n0 1 2\n1 3 4\n",
    "cpu/c/cpuacct.stat": "user 2\nsystem 3\n",
    "memory/c/memory.stat": "rss 1\ncache 9\n",
    "memory/c/memory.usage_in_bytes": "100\n",
    "memory/c/memory.limit_in_bytes": "9223372036854771712\n",
    "memory/c/memory.failcnt": "4\n",
    "pids/c/pids.current": "2\n",
    "pids/c/pids.max": "max\n",
    "cpuset/c/cpuset.cpus": "0-2,5\n",
    "cpuset/c/cpuset.sched_relax_domain_level": "-1\n",
    "blkio/c/blkio.bfq.io_serviced_recursive": "Total 0\n",
    "blkio/c/blkio.throttle.io_serviced_recursive":
      "8:0 Read 3\n8:0 Write 0\n8:0 Total 3\nTotal 3\n",
    "unified/c/hugetlb.2MB.current": "2097152\n",
    "unified/c/hugetlb.2MB.events": "max 6\n",
  };
  const stats = await statsOf(files, (root) => ({
    version: 1,
    controllers: new Map([
      ...["memory", "pids", "cpuset", "blkio", "cpu"].map((name) => [name, join(root, name)]),
      ["cpuacct", join(root, "cpu")],
    ] as [string, string][]),
    unified: join(root, "unified"),
  }));
  assert.deepEqual(stats, {
    cpu: {
      usage: {
        total: 30,
        percpu: [10, 20],
        percpu_kernel: [2, 4],
        percpu_user: [1, 3],
        kernel: 30_000_000,
        user: 20_000_000,
      },
      throttling: { periods: 5, throttledTime: 7 },
    },
    cpuset: { ...NO_CPUSET, cpus: [0, 1, 2, 5], sched_relax_domain_level: -1 },
    memory: {
      cache: 9,
      usage: { limit: 9223372036854771712, usage: 100, failcnt: 4 },
      swap: NONE,
      kernel: NONE,
      kernelTCP: NONE,
      raw: { cache: 9, rss: 1 },
    },
    pids: { current: 2 },
    blkio: {
      ioServicedRecursive: [
        { major: 8, op: "Read", value: 3 },
        { major: 8, op: "Write" },
        { major: 8, op: "Total", value: 3 },
      ],
    },
    hugetlb: { "2MB": { usage: 2097152, failcnt: 6 } },
    intel_rdt: {},
    network_interfaces: null,
  });
});

test("containerStatsJson() reads version 2 and its pressure", async () => {
  const files = {
    "c/cpu.stat": "usage_usec 7\nuser_usec 4\nsystem_usec 3\nnr_periods 2\nthrottled_usec 1\n",
    "c/cpu.pressure": "some avg10=1.50 avg60=0.00 avg300=0.00 total=12\n",
    "c/memory.stat": "anon 1\nfile 9\n",
    "c/memory.current": "100\n",
    "c/memory.peak": "120\n",
    "c/memory.max": "1000\n",
    "c/memory.swap.current": "5\n",
    "c/memory.swap.max": "2000\n",
    "c/pids.current": "2\n",
    "c/pids.max": "33\n",
    "c/io.stat": "8:0 rbytes=1 wbytes=0 rios=2 wios=3 dbytes=0 dios=0\n",
    "c/hugetlb.2MB.current": "0\n",
    "c/hugetlb.2MB.rsvd.current": "4\n",
  };
  const zero = { avg10: 0, avg60: 0, avg300: 0, total: 0 };
  assert.deepEqual(await statsOf(files, (root) => ({ version: 2, root })), {
    cpu: {
      usage: { total: 7000, kernel: 3000, user: 4000 },
      throttling: { periods: 2, throttledTime: 1000 },
      psi: { some: { ...zero, avg10: 1.5, total: 12 }, full: zero },
    },
    cpuset: NO_CPUSET,
    memory: {
      cache: 9,
      usage: { limit: 1000, usage: 100, max: 120, failcnt: 0 },
      swap: { limit: 3000, usage: 105, failcnt: 0 },
      kernel: NONE,
      kernelTCP: NONE,
      raw: { anon: 1, file: 9 },
    },
    pids: { current: 2, limit: 33 },
    blkio: {
      ioServiceBytesRecursive: [{ major: 8, op: "Read", value: 1 }, { major: 8, op: "Write" }],
      ioServicedRecursive: [
        { major: 8, op: "Read", value: 2 },
        { major: 8, op: "Write", value: 3 },
      ],
    },
    hugetlb: { "2MB": { usage: 4, failcnt: 0 } },
    intel_rdt: {},
    network_interfaces: null,
  });
});

test("containerStatsJson() writes numbers of 64 bits in full", async () => {
  const root = mkdtempSync(join(tmpdir(), "ctr-stats-"));
  try {
    mkdirSync(join(root, "c"));
    writeFileSync(join(root, "c/memory.max"), "max\n");
    const text = JSON.stringify(await containerStatsJson("/c", { version: 2, root }));
    assert.match(text, /"usage":\{"limit":18446744073709551615,"failcnt":0\}/);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
