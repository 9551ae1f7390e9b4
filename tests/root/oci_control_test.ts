/**
 * What is done to a container that runs: limits, statistics, signals to all, a pause.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { until } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";
import { OciRuntime } from "../fixtures/oci_command.ts";

const here = needs("root", "cgroup1", "file:/bin/busybox");
const MIB = 1 << 20;

async function running(oci: OciRuntime, script: string): Promise<number> {
  oci.configure(["sh", "-c", script]);
  const pid = await oci.create();
  await oci.start();
  return pid;
}

test("update changes limits by flags, a file and stdin, and all or none", here, async () => {
  await using oci = new OciRuntime();
  await running(oci, "sleep 1000");
  const read = (file: string) => {
    const [controller] = file.split(".");
    return readFileSync(`/sys/fs/cgroup/${controller}${oci.bundle.cgroup}/${file}`, "utf8").trim();
  };
  await oci.ok(["update", "--memory", "24m", "--pids-limit", "9", "--cpu-share=512", oci.id]);
  assert.equal(read("memory.limit_in_bytes"), String(24 * MIB));
  assert.equal(read("pids.max"), "9");
  assert.equal(read("cpu.shares"), "512");
  const resources = JSON.stringify({ memory: { limit: 32 * MIB }, pids: { limit: -1 } });
  await oci.ok(["update", "--resources=-", oci.id], { stdin: resources });
  assert.deepEqual([read("memory.limit_in_bytes"), read("pids.max")], [String(32 * MIB), "max"]);
  const wrong = await oci.call(["update", "--memory", "1k", "--pids-limit", "5", oci.id]);
  assert.equal(wrong.code, 1);
  assert.deepEqual([read("memory.limit_in_bytes"), read("pids.max")], [String(32 * MIB), "max"]);
  assert.match((await oci.call(["update", "--memory", "much", oci.id])).stderr, /--memory: "much"/);
});

test("events print what is used, and when memory runs out", here, async () => {
  await using oci = new OciRuntime();
  oci.configure([
    "sh",
    "-c",
    "read go < /go; dd if=/dev/zero of=/dev/null bs=64M count=1; sleep 1000",
  ], {
    memoryBytes: 16 * MIB,
    change: (spec) => ({
      ...spec,
      hooks: {
        createRuntime: [{ path: "/usr/bin/mkfifo", args: ["mkfifo", `${oci.bundle.rootfs}/go`] }],
      },
    }),
  });
  await oci.create();
  await oci.start();
  const { type, id, data } = JSON.parse(await oci.ok(["events", "--stats", oci.id]));
  assert.deepEqual([type, id, data.memory.usage.limit], ["stats", oci.id, 16 * MIB]);
  assert.ok(data.pids.current >= 1);
  const events = oci.call(["events", "--interval", "100ms", oci.id], { files: "events" });
  await until("the watch", () => text(oci, "events.out").split("\n").length > 2);
  await oci.ok(["exec", oci.id, "sh", "-c", "echo > /go"]);
  await until("running out", () => text(oci, "events.out").includes('"type":"oom"'));
  await oci.ok(["kill", oci.id, "KILL"]);
  assert.equal((await events).code, 0, "it ends with the container");
});

test("a paused container stands still, and a kill ends it nevertheless", here, async () => {
  await using oci = new OciRuntime();
  const pid = await running(oci, "while true; do sleep 0.01; done");
  await oci.ok(["pause", oci.id]);
  assert.equal((await oci.state()).status, "paused");
  assert.match((await oci.call(["pause", oci.id])).stderr, /not running/);
  assert.match(
    (await oci.call(["exec", oci.id, "true"])).stderr,
    /cannot exec in a paused container/,
  );
  await oci.ok(["resume", oci.id]);
  assert.equal((await oci.state()).status, "running");
  assert.match((await oci.call(["resume", oci.id])).stderr, /not paused/);
  await oci.ok(["pause", oci.id]);
  await oci.ok(["kill", oci.id, "9"]);
  await until("its end", () => !existsSync(`/proc/${pid}`));
});

test(
  "kill --all reaches every process, and those that the first one leaves behind",
  here,
  async () => {
    await using oci = new OciRuntime();
    oci.configure(["sh", "-c", "sleep 1001 & sleep 1002 & exec sleep 1003"], {
      change: ({ linux, ...spec }) => ({
        ...spec,
        linux: { ...linux, namespaces: linux!.namespaces!.filter(({ type }) => type !== "pid") },
      }),
    });
    const pid = await oci.create();
    await oci.start();
    const pids = async () =>
      JSON.parse(await oci.ok(["ps", "--format", "json", oci.id])) as number[];
    await until("its children", async () => (await pids()).length === 3);
    await oci.ok(["kill", oci.id, "TERM"]);
    await until("its end", () => !existsSync(`/proc/${pid}`));
    assert.equal((await pids()).length, 2, "its children are not its process");
    assert.match((await oci.call(["kill", oci.id, "TERM"])).stderr, /container not running/);
    await oci.ok(["kill", "--all", oci.id, "15"]);
    await until("all ends", async () => (await pids()).length === 0);
  },
);

function text(oci: OciRuntime, name: string): string {
  const path = `${oci.dir}/${name}`;
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
