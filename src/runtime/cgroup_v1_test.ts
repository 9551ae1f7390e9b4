import assert from "node:assert/strict";
import { test } from "node:test";
import type { OciResources } from "../oci/mod.ts";
import { settingsV1 } from "./cgroup_v1.ts";

const filesOf = async (resources: OciResources) =>
  (await settingsV1(resources)).flatMap(({ files }) => files);

test("settingsV1() has a container's usual limits in the order of the kernel", async () => {
  const settings = await settingsV1({
    devices: [
      { allow: false, access: "rwm" },
      { allow: true, type: "c", major: 1, minor: 3, access: "rw" },
      { allow: true, type: "b", major: 8, minor: -1 },
    ],
    memory: { limit: 1000, swap: 3000, reservation: 500 },
    cpu: { quota: 50000, period: 100000, shares: 1024 },
    pids: { limit: 10 },
  });
  assert.deepEqual(settings, [
    {
      controller: "devices",
      files: [["devices.deny", "a"], ["devices.allow", "c 1:3 rw"], [
        "devices.allow",
        "b 8:* rwm",
      ]],
    },
    {
      controller: "memory",
      files: [
        ["memory.limit_in_bytes", "1000"],
        ["memory.memsw.limit_in_bytes", "3000"],
        ["memory.soft_limit_in_bytes", "500"],
      ],
    },
    {
      controller: "cpu",
      files: [["cpu.shares", "1024"], ["cpu.cfs_period_us", "100000"], [
        "cpu.cfs_quota_us",
        "50000",
      ]],
    },
    { controller: "cpuacct", files: [] },
    { controller: "pids", files: [["pids.max", "10"]] },
    { controller: "freezer", files: [] },
  ]);
});

test("settingsV1() has the limits that few ask for", async () => {
  assert.deepEqual(
    await filesOf({
      memory: { kernelTCP: 7, swappiness: 0, disableOOMKiller: true },
      cpu: {
        burst: 0,
        idle: 1,
        realtimePeriod: 1000,
        realtimeRuntime: 500,
        cpus: "0-1",
        mems: "0",
      },
      hugepageLimits: [{ pageSize: "2MB", limit: 0 }],
      network: { classID: 0x100001, priorities: [{ name: "lo", priority: 3 }] },
      rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10000 }, hfi1_0: { hcaObjects: 4 } },
    }),
    [
      ["memory.kmem.tcp.limit_in_bytes", "7"],
      ["memory.swappiness", "0"],
      ["memory.oom_control", "1"],
      ["cpu.cfs_burst_us", "0"],
      ["cpu.rt_period_us", "1000"],
      ["cpu.rt_runtime_us", "500"],
      ["cpu.idle", "1"],
      ["cpuset.cpus", "0-1"],
      ["cpuset.mems", "0"],
      ["hugetlb.2MB.limit_in_bytes", "0"],
      ["hugetlb.2MB.rsvd.limit_in_bytes", "0", "ignore"],
      ["net_cls.classid", "1048577"],
      ["net_prio.ifpriomap", "lo 3"],
      ["rdma.max", "mlx5_1 hca_handle=3 hca_object=10000"],
      ["rdma.max", "hfi1_0 hca_object=4"],
    ],
  );
});

test("settingsV1() gives block devices' weights to whichever scheduler is there", async () => {
  const rates = { major: 8, minor: 0 };
  assert.deepEqual(
    await filesOf({
      blockIO: {
        weight: 10,
        leafWeight: 20,
        weightDevice: [{ ...rates, weight: 30, leafWeight: 40 }],
        throttleReadBpsDevice: [{ ...rates, rate: 1 }],
        throttleWriteBpsDevice: [{ ...rates, rate: 2 }],
        throttleReadIOPSDevice: [{ ...rates, rate: 3 }],
        throttleWriteIOPSDevice: [{ ...rates, rate: 0 }],
      },
    }),
    [
      ["blkio.weight", "10", ["blkio.bfq.weight", "10"]],
      ["blkio.leaf_weight", "20"],
      ["blkio.weight_device", "8:0 30", ["blkio.bfq.weight_device", "8:0 30"]],
      ["blkio.leaf_weight_device", "8:0 40"],
      ["blkio.throttle.read_bps_device", "8:0 1"],
      ["blkio.throttle.write_bps_device", "8:0 2"],
      ["blkio.throttle.read_iops_device", "8:0 3"],
      ["blkio.throttle.write_iops_device", "8:0 0"],
    ],
  );
});

test("settingsV1() lifts the limit of swap with that of memory", async () => {
  assert.deepEqual(await filesOf({ memory: { limit: -1 }, pids: { limit: -1 } }), [
    ["memory.limit_in_bytes", "-1"],
    ["memory.memsw.limit_in_bytes", "-1", "ignore"],
    ["pids.max", "max"],
  ]);
  // Docker's own: it does not matter where there is no accounting of swap.
  assert.deepEqual(await filesOf({ memory: { limit: 5, swap: 10, swappiness: -1 } }), [
    ["memory.limit_in_bytes", "5"],
    ["memory.memsw.limit_in_bytes", "10", "ignore"],
  ]);
});

test("settingsV1() refuses what the kernel would change or not know", async () => {
  const cases: [OciResources, RegExp][] = [
    [{ cpu: { shares: 1 } }, /the minimum allowed cpu-shares is 2$/],
    [{ cpu: { shares: 262145 } }, /the maximum allowed cpu-shares is 262144$/],
    [{ memory: { swappiness: 101 } }, /invalid memory swappiness value: 101/],
    [{ hugepageLimits: [{ pageSize: "2MB/../x", limit: 1 }] }, /a number and KB, MB, GB or TB$/],
    [{ unified: { "memory.max": "1" } }, /cannot use unified on cgroup v1$/],
  ];
  for (const [resources, message] of cases) {
    await assert.rejects(settingsV1(resources), { code: "invalid_argument", message });
  }
  assert.deepEqual(await filesOf({ unified: {}, memory: { swappiness: 2 ** 64 } }), []);
});
