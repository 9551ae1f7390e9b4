import assert from "node:assert/strict";
import { test } from "node:test";
import type { OciResources } from "../oci/mod.ts";
import { settingsV2, weightOfShares } from "./cgroup_v2.ts";

test("settingsV2() says in its own words what the spec says in version 1's", async () => {
  assert.deepEqual(
    await settingsV2({
      memory: { limit: 1000, swap: 3000, reservation: 500, swappiness: 60, disableOOMKiller: true },
      cpu: {
        quota: 50000,
        period: 100000,
        shares: 1024,
        burst: 10,
        idle: 0,
        realtimeRuntime: 5,
        cpus: "0",
        mems: "0-1",
      },
      pids: { limit: 10 },
      hugepageLimits: [{ pageSize: "2MB", limit: 0 }],
      rdma: { mlx5_1: { hcaHandles: 3 } },
      network: { priorities: [] },
      unified: { "memory.high": "900", "io.latency": "8:0 target=5\n8:16 target=6\n" },
    }),
    [
      ["memory.swap.max", "2000"],
      ["memory.max", "1000"],
      ["memory.low", "500"],
      ["cpu.weight", "100"],
      ["cpu.max", "50000 100000"],
      ["pids.max", "10"],
      ["cpu.max.burst", "10"],
      ["cpu.idle", "0"],
      ["cpuset.cpus", "0"],
      ["cpuset.mems", "0-1"],
      ["hugetlb.2MB.max", "0"],
      ["hugetlb.2MB.rsvd.max", "0", "ignore"],
      ["rdma.max", "mlx5_1 hca_handle=3"],
      ["memory.high", "900"],
      ["io.latency", "8:0 target=5"],
      ["io.latency", "8:16 target=6"],
    ],
  );
});

test("settingsV2() converts weights and rates of block devices", async () => {
  const device = { major: 8, minor: 0 };
  assert.deepEqual(
    await settingsV2({
      blockIO: {
        weight: 10,
        weightDevice: [{ ...device, weight: 1000 }],
        throttleReadBpsDevice: [{ ...device, rate: 99 }],
        throttleWriteIOPSDevice: [{ ...device, rate: 0 }],
      },
    }),
    [
      ["io.bfq.weight", "10", ["io.weight", "1"]],
      ["io.bfq.weight", "8:0 1000", ["io.weight", "8:0 10000"]],
      ["io.max", "8:0 rbps=99"],
      ["io.max", "8:0 wiops=max"],
    ],
  );
});

test("settingsV2() takes the memory out of memory and swap together", async () => {
  const swapOf = async (memory: OciResources["memory"], max?: string, swap = "max\n") => {
    const current = (file: string) => file === "memory.max" ? max : max && swap;
    return (await settingsV2({ memory }, current)).find(([file]) => file === "memory.swap.max");
  };
  assert.deepEqual(await swapOf({ limit: 5, swap: 5 }), ["memory.swap.max", "0", "ignore"]);
  assert.deepEqual(await swapOf({ limit: 5, swap: 10 }), ["memory.swap.max", "5", "ignore"]);
  assert.deepEqual(await swapOf({ limit: 5, swap: 11 }), ["memory.swap.max", "6"]);
  assert.deepEqual(await swapOf({ limit: 5, swap: -1 }), ["memory.swap.max", "max", "ignore"]);
  assert.deepEqual(await swapOf({ limit: -1 }), ["memory.swap.max", "max", "ignore"]);
  assert.deepEqual(await swapOf({ limit: -1, swap: 7 }), ["memory.swap.max", "7"]);
  assert.equal(await swapOf({ limit: 5 }), undefined);
  // In an update the limit may be the one that is there.
  assert.deepEqual(await swapOf({ swap: 9 }, "5\n"), ["memory.swap.max", "4"]);
  assert.deepEqual(await swapOf({ swap: 9 }, "max\n"), ["memory.swap.max", "9"]);
  // As in runc: a new limit of memory alone keeps that of both.
  assert.deepEqual(await swapOf({ limit: 6 }, "5\n", "4\n"), ["memory.swap.max", "3"]);
  assert.equal(await swapOf({ limit: 6 }, "5\n"), undefined);
  assert.equal(await swapOf({ limit: 6 }, "max\n", "4\n"), undefined);
  await assert.rejects(swapOf({ limit: 10 }, "5\n", "4\n"), { message: /\(9 < 10\)$/ });
  const code = "invalid_argument";
  await assert.rejects(swapOf({ swap: 9 }), { code, message: /swap limit without memory limit$/ });
  await assert.rejects(swapOf({ limit: 10, swap: 9 }), { code, message: /should be >= memory/ });
  await assert.rejects(swapOf({ limit: -2, swap: 9 }), { code, message: /memory value: -2$/ });
});

test("settingsV2() keeps the half of cpu.max that nobody speaks of", async () => {
  const of = async (cpu: OciResources["cpu"], current?: string) =>
    (await settingsV2({ cpu }, () => current)).map(([, value]) => value);
  assert.deepEqual(await of({ quota: 5000 }), ["5000 100000"]);
  assert.deepEqual(await of({ period: 5000 }), ["max 5000"]);
  assert.deepEqual(await of({ quota: -1 }, "7000 50000\n"), ["max 50000"]);
  assert.deepEqual(await of({ period: 60000 }, "7000 50000\n"), ["7000 60000"]);
});

test("settingsV2() refuses what version 2 has not, and what names no file", async () => {
  await assert.rejects(settingsV2({ network: { classID: 1 } }), { code: "failed_precondition" });
  await assert.rejects(settingsV2({ unified: { "../x.y": "1" } }), {
    code: "invalid_argument",
    message: /must be a file name \(no slashes\)$/,
  });
  await assert.rejects(settingsV2({ hugepageLimits: [{ pageSize: "2 MB", limit: 1 }] }), {
    code: "invalid_argument",
  });
  await assert.rejects(settingsV2({ unified: { memory: "1" } }), {
    code: "invalid_argument",
    message: /must be in the form CONTROLLER.PARAMETER$/,
  });
});

test("weightOfShares() maps least, default and most", () => {
  const shares = [1, 2, 1024, 2048, 262144, 300000];
  assert.deepEqual(shares.map(weightOfShares), [1, 1, 100, 174, 10000, 10000]);
});
