import assert from "node:assert/strict";
import { test } from "node:test";
import { metricsOf, readMetrics } from "./metrics.ts";
import { encode } from "./protobuf.ts";

/** What both versions of `cgroup_stats` make, cut short. */
const STATS = {
  cpu: {
    usage: { total: 5_000_000, kernel: 2_000_000, user: 3_000_000, percpu: [1, 300] },
    throttling: { periods: 4, throttledPeriods: 2, throttledTime: 9000 },
  },
  cpuset: {},
  memory: {
    cache: 4096,
    usage: { limit: 18446744073709551615, usage: 8192, failcnt: 1 },
    swap: { limit: 65536, usage: 12288, failcnt: 0 },
    kernel: { limit: 0, failcnt: 0 },
    kernelTCP: { limit: 0, failcnt: 0 },
    raw: { cache: 4096, rss: 77, pgpgin: 5, anon: 11, file: 12, unknown: 3 },
  },
  pids: { current: 3 },
  blkio: {
    ioServiceBytesRecursive: [
      { major: 8, op: "Read", value: 100 },
      { major: 8, op: "Write", value: 200 },
    ],
    ioServicedRecursive: [{ major: 8, op: "Read", value: 1 }],
  },
  hugetlb: { "2MB": { usage: 1, failcnt: 2 } },
};

test("metricsOf() has what version 1 counted, in containerd's fields", () => {
  const read = readMetrics(metricsOf(STATS, 1));
  assert.ok(read?.version === 1);
  const { cpu, memory, pids, blkio, hugetlb } = read.metrics;
  assert.deepEqual({ ...cpu?.usage }, {
    total: 5_000_000,
    kernel: 2_000_000,
    user: 3_000_000,
    percpu: [1, 300],
  });
  assert.equal(cpu?.throttling?.throttledPeriods, 2);
  const counts = memory as unknown as Record<string, number>;
  assert.deepEqual([counts["cache"], counts["rss"], counts["pgpgin"]], [4096, 77, 5]);
  assert.deepEqual([memory?.usage?.usage, memory?.swap?.limit], [8192, 65536]);
  assert.equal(pids?.current, 3);
  assert.deepEqual(blkio?.ioServiceBytesRecursive.map(({ op, value }) => [op, value]), [
    ["Read", 100],
    ["Write", 200],
  ]);
  assert.deepEqual(hugetlb.map(({ pagesize, failcnt }) => [pagesize, failcnt]), [["2MB", 2]]);
});

test("metricsOf() has what version 2 counted, in microseconds and by device", () => {
  const read = readMetrics(metricsOf(STATS, 2));
  assert.ok(read?.version === 2);
  const { cpu, memory, io } = read.metrics;
  assert.deepEqual([cpu?.usageUsec, cpu?.systemUsec, cpu?.throttledUsec], [5000, 2000, 9]);
  const counts = memory as unknown as Record<string, number>;
  assert.deepEqual([counts["anon"], counts["file"]], [11, 12]);
  assert.deepEqual([memory?.usage, memory?.swapUsage], [8192, 4096]);
  assert.deepEqual(io?.usage.map((line) => ({ ...line })), [
    { major: 8, minor: 0, rbytes: 100, wbytes: 200, rios: 1, wios: 0 },
  ]);
});

test("readMetrics() reads packed numbers, and nothing of another type", () => {
  const percpu = { percpu: [4, "bytes"] } as const;
  const cpu = { usage: [1, percpu] } as const;
  const value = encode({ cpu: [3, cpu] } as const, {
    cpu: { usage: { percpu: Uint8Array.of(1, 0xac, 2) } },
  });
  const read = readMetrics({ typeUrl: "types/io.containerd.cgroups.v1.Metrics", value });
  assert.ok(read?.version === 1);
  assert.deepEqual(read.metrics.cpu?.usage?.percpu, [1, 300]);
  assert.equal(readMetrics({ typeUrl: "other", value }), undefined);
  assert.equal(readMetrics(undefined), undefined);
});
