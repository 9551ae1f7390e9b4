import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { updateCgroup, valueBefore } from "./cgroup_update.ts";

/** A cgroup of version 2 that is no more than its files. */
async function withFake(
  files: Record<string, string>,
  work: (fake: {
    update: (resources: Parameters<typeof updateCgroup>[1]) => Promise<void>;
    file: (name: string) => string;
  }) => Promise<void>,
): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "ctr-update-"));
  try {
    mkdirSync(join(root, "c"));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(root, "c", name), text);
    await work({
      update: (resources) => updateCgroup("/c", resources, { version: 2, root }),
      file: (name) => readFileSync(join(root, "c", name), "utf8"),
    });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

test("updateCgroup() counts from what is there", () =>
  withFake({ "cpu.max": "7000 50000\n", "memory.max": "5\n", "memory.swap.max": "1\n" }, async (
    { update, file },
  ) => {
    await update({ cpu: { period: 60000 }, memory: { swap: 9 } });
    assert.equal(file("cpu.max"), "7000 60000");
    assert.equal(file("memory.swap.max"), "4");
    assert.equal(file("memory.max"), "5\n");
  }));

test("updateCgroup() puts back what it has written when a limit cannot be had", () =>
  withFake({ "cpu.weight": "100\n", "io.max": "8:0 rbps=9 wbps=max riops=max wiops=max\n" }, async (
    { update, file },
  ) => {
    const blockIO = { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 5 }] };
    await assert.rejects(
      update({ cpu: { shares: 2 }, blockIO, hugepageLimits: [{ pageSize: "2MB", limit: 1 }] }),
      { code: "failed_precondition", subject: "hugetlb.2MB.max" },
    );
    assert.equal(file("cpu.weight"), "100");
    assert.equal(file("io.max"), "8:0 rbps=9 wbps=max riops=max wiops=max");
  }));

test("updateCgroup() refuses less memory than is in use, if asked to", () =>
  withFake({ "memory.current": "100\n", "memory.max": "max\n", "memory.swap.max": "max\n" }, async (
    { update, file },
  ) => {
    const check = { checkBeforeUpdate: true };
    await assert.rejects(update({ memory: { limit: 100, ...check } }), {
      code: "failed_precondition",
      message: /rejecting memory limit 100 <= usage 100$/,
    });
    await assert.rejects(update({ memory: { limit: 50, swap: 60, ...check } }), {
      message: /rejecting memory\+swap limit 60 <= usage 100$/,
    });
    await update({ memory: { limit: 101, ...check } });
    await update({ memory: { limit: 50 } });
    assert.equal(file("memory.max"), "50");
  }));

test("valueBefore() knows the files that have more than a value", () => {
  const cases: [file: string, old: string, written: string, before: string][] = [
    ["pids.max", "max\n", "5", "max"],
    ["cpuset.cpus", "\n", "0", ""],
    ["cpu.max", "max 100000\n", "5 10", "max 100000"],
    ["memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", "1", "0"],
    ["io.weight", "default 100\n8:0 50\n", "7", "default 100"],
    ["io.weight", "default 100\n8:0 50\n", "8:0 7", "8:0 50"],
    ["io.weight", "default 100\n", "8:16 7", "8:16 default"],
    ["blkio.throttle.read_bps_device", "8:0 9\n", "8:16 7", "8:16 0"],
    ["io.max", "", "8:0 rbps=5", "8:0 rbps=max"],
    [
      "rdma.max",
      "mlx5_0 hca_handle=max hca_object=max\n",
      "mlx5_0 hca_handle=3",
      [
        "mlx5_0 hca_handle=max hca_object=max",
      ][0]!,
    ],
  ];
  for (const [file, old, written, before] of cases) {
    assert.equal(valueBefore(file, old, written), before, `${file}: ${written}`);
  }
});
