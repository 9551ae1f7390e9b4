import assert from "node:assert/strict";
import { test } from "node:test";
import type { Metrics } from "../shim/mod.ts";
import { countersOf, cpuPercent, networkOf } from "./stats.ts";

/** Of what a shim answers, what matters. */
const counted = (version: 1 | 2, metrics: unknown) => ({ version, metrics }) as Metrics;

const device = (op: string, value: number) => ({ op, value });

test("countersOf() counts alike in both versions of cgroups, without the inactive file cache", () => {
  const want = {
    cpuNs: 5_000_000,
    memory: 700,
    memoryLimit: 5000,
    processes: 3,
    read: 30,
    written: 40,
  };
  const v1 = counted(1, {
    cpu: { usage: { total: 5_000_000 } },
    memory: { total_inactive_file: 300, usage: { usage: 1000, limit: 9e15 } },
    blkio: {
      ioServiceBytesRecursive: [device("Read", 10), device("Read", 20), device("Write", 40)],
    },
    pids: { current: 3 },
  });
  assert.deepEqual(countersOf(v1, 5000), want);
  const v2 = counted(2, {
    cpu: { usageUsec: 5000 },
    memory: { inactive_file: 300, usage: 1000, usageLimit: 5000 },
    io: { usage: [{ rbytes: 10, wbytes: 40 }, { rbytes: 20, wbytes: 0 }] },
    pids: { current: 3 },
  });
  assert.deepEqual(countersOf(v2, 9000), want);
  assert.deepEqual(countersOf(counted(2, {}), 9000), {
    cpuNs: 0,
    memory: 0,
    memoryLimit: 9000,
    processes: 0,
    read: 0,
    written: 0,
  });
});

test("cpuPercent() is of one processor", () => {
  const at = (atMs: number, cpuNs: number) => ({
    ...{ atMs, cpuNs, memory: 0, memoryLimit: 0, processes: 0 },
    ...{ read: 0, written: 0, received: 0, sent: 0 },
  });
  assert.equal(cpuPercent(at(0, 0), at(1000, 1.5e9)), 150);
  assert.equal(cpuPercent(at(5, 7), at(5, 9)), 0);
  assert.equal(cpuPercent(at(0, 9), at(10, 0)), 0, "started anew");
});

test("networkOf() adds up all interfaces but the loopback", () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 9999      10    0    0    0     0          0         0  9999      10    0    0    0     0       0          0
  eth0: 1024       8    0    0    0     0          0         0   512       6    0    0    0     0       0          0
  eth1:7 1    0    0    0     0          0         0   8       6    0    0    0     0       0          0
`;
  assert.deepEqual(networkOf(text), { received: 1031, sent: 520 });
  assert.deepEqual(networkOf(""), { received: 0, sent: 0 });
});
