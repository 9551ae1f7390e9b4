import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { close, kill, waitFor } from "../../src/program/mod.ts";
import { cgroupVersion, updateResourcesAt } from "../../src/runtime/mod.ts";
import { Bundle } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");
const v2 = cgroupVersion() === 2;
const MIB = 1 << 20;

/** A container that sleeps, and its cgroup's files. */
async function withSleeper(
  work: (sleeper: {
    bundle: Bundle;
    pid: number;
    file: (name: string) => string;
    sh: (script: string) => Promise<{ stdout: string; stderr: string }>;
  }) => Promise<void>,
): Promise<void> {
  await using bundle = new Bundle();
  const { process, stdout, stderr } = await bundle.create(["/bin/sleep", "60"], {
    memoryBytes: 64 * MIB,
    pidsLimit: 33,
  });
  process.start();
  const spec = bundle.spec(["x"]);
  try {
    await work({
      bundle,
      pid: process.pid,
      file: (name) => {
        const controller = v2 ? "" : `/${name.split(".")[0]}`;
        return readFileSync(`/sys/fs/cgroup${controller}${bundle.cgroup}/${name}`, "utf8").trim();
      },
      sh: (script) =>
        bundle.exec({
          pid: process.pid,
          spec,
          process: { ...spec.process!, args: ["/bin/sh", "-c", script] },
        }),
    });
  } finally {
    kill(process.pid, 9);
    waitFor(process.pid, { block: true });
    close(stdout);
    close(stderr);
  }
}

test(
  "limits of a running container go up and down, in whichever order they contradict",
  here,
  () =>
    withSleeper(async ({ bundle, file }) => {
      const steps = [
        { memory: { limit: 256 * MIB, swap: 512 * MIB }, cpu: { quota: 90_000, period: 100_000 } },
        { memory: { limit: 32 * MIB, swap: 32 * MIB }, cpu: { quota: 2_000, period: 2_000 } },
        { memory: { limit: 48 * MIB, swap: 64 * MIB }, cpu: { quota: 50_000, period: 1_000_000 } },
      ];
      for (const { memory, cpu } of steps) {
        await updateResourcesAt(bundle.cgroup, { memory, cpu, pids: { limit: 20 } });
        assert.deepEqual(
          v2 ? [file("memory.max"), file("memory.swap.max"), file("cpu.max")] : [
            file("memory.limit_in_bytes"),
            file("memory.memsw.limit_in_bytes"),
            `${file("cpu.cfs_quota_us")} ${file("cpu.cfs_period_us")}`.replace("cpu", ""),
          ],
          [
            String(memory.limit),
            String(v2 ? memory.swap - memory.limit : memory.swap),
            `${cpu.quota} ${cpu.period}`,
          ].map(String),
        );
      }
      assert.equal(file("pids.max"), "20");
      await updateResourcesAt(bundle.cgroup, { memory: { limit: -1 }, cpu: { quota: -1 } });
      const unlimited = v2
        ? [file("memory.max"), file("memory.swap.max"), file("cpu.max")]
        : [file("memory.limit_in_bytes"), file("memory.memsw.limit_in_bytes"), "max 1000000"];
      if (!v2) assert.equal(unlimited[0], unlimited[1]);
      else assert.deepEqual(unlimited, ["max", "max", "max 1000000"]);
    }),
);

test(
  "an update that the kernel refuses leaves everything as it was",
  here,
  () =>
    withSleeper(async ({ bundle, file }) => {
      const memory = v2 ? "memory.max" : "memory.limit_in_bytes";
      const refused = updateResourcesAt(bundle.cgroup, {
        pids: { limit: 5 },
        memory: { limit: 128 * MIB, swap: 256 * MIB },
        cpu: { cpus: "4000" },
      });
      await assert.rejects(refused, { message: /^cannot write "4000" to "cpuset.cpus": / });
      assert.equal(file("pids.max"), "33");
      assert.equal(file(memory), String(64 * MIB));
      if (!v2) {
        assert.equal(file("memory.memsw.limit_in_bytes"), String(128 * MIB));
        assert.ok(!existsSync(`/sys/fs/cgroup/cpuset${bundle.cgroup}`));
      }
      await assert.rejects(updateResourcesAt(`${bundle.cgroup}-none`, { pids: { limit: 5 } }), {
        code: "not_found",
      });
    }),
);

test(
  "a limit may need a hierarchy that the container is not in",
  here,
  () =>
    withSleeper(async ({ bundle, pid, file, sh }) => {
      await updateResourcesAt(bundle.cgroup, { cpu: { cpus: "0" } });
      assert.equal(file("cpuset.cpus"), "0");
      assert.match(readFileSync(`/proc/${pid}/status`, "utf8"), /^Cpus_allowed_list:\t0$/m);
      // Added processes are limited too.
      const { stdout } = await sh("grep Cpus_allowed_list /proc/self/status");
      assert.equal(stdout, "Cpus_allowed_list:\t0\n");
    }),
);

test("the list of devices can be another", here, () =>
  withSleeper(async ({ bundle, file, sh }) => {
    const rules = bundle.spec(["x"]).linux!.resources!.devices!;
    const kmsg = { allow: true, type: "c", major: 1, minor: 11, access: "rwm" } as const;
    const attempt = "true >> /tmp/kmsg && echo kmsg; true < /dev/zero && echo zero";
    await updateResourcesAt(bundle.cgroup, { devices: [...rules, kmsg] });
    assert.equal((await sh(`mknod /tmp/kmsg c 1 11; ${attempt}`)).stdout, "kmsg\nzero\n");
    await updateResourcesAt(bundle.cgroup, { pids: { limit: 30 } });
    assert.equal((await sh(attempt)).stdout, "kmsg\nzero\n");
    await updateResourcesAt(bundle.cgroup, { devices: rules });
    assert.equal((await sh(attempt)).stdout, "zero\n");
    if (v2) return;
    const wrong = [{ allow: false }, { allow: true, type: "c", access: "what" }] as const;
    const refused = updateResourcesAt(bundle.cgroup, { devices: wrong, pids: { limit: 5 } });
    await assert.rejects(refused, { message: /^cannot write "c \*:\* what" to "devices.allow": / });
    assert.equal((await sh(attempt)).stdout, "zero\n");
    assert.equal(file("pids.max"), "30");
    assert.equal(file("freezer.state"), "THAWED");
  }));
