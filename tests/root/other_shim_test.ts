/**
 * Containers by containerd's own shim, which our shim drives.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { ShimClient } from "../../src/shim/mod.ts";
import { readMetrics } from "../../src/shim/metrics.ts";
import { control, runDetached } from "../../src/task/mod.ts";
import { until } from "../fixtures/cli.ts";
import type { TestEngine } from "../fixtures/engine.ts";
import { findProcess } from "../fixtures/find_process.ts";
import { needs } from "../fixtures/needs.ts";
import { OTHER_RUNTIMES } from "../fixtures/other_runtimes.ts";
import { inspect, LOOP, NEEDS, nothingStays, sh, withRuntime } from "../fixtures/runtime_case.ts";

const here = needs(...NEEDS, "cgroup1", "cmd:containerd-shim-runc-v2", "cmd:runc");
const OTHER = OTHER_RUNTIMES[1]!;
const MIB = 1 << 20;

/** The shim of a container: the one of containerd's. */
function otherShim(id: string): number {
  return findProcess((line) => line.includes("containerd-shim-runc-v2") && line.includes(id));
}

async function running({ engine, runtime }: TestEngine & { readonly runtime: string }) {
  const { id } = await runDetached(engine, { ...sh(LOOP), name: "web", runtime });
  const { Pid } = await inspect(engine, "web");
  return { id, pid: Number(Pid) };
}

test(
  "limits are changed and use is measured through the other shim",
  here,
  () =>
    withRuntime(OTHER, (scene) =>
      nothingStays(async () => {
        const { engine } = scene;
        const { id, pid } = await running(scene);
        const parent = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
        assert.equal(Number(parent), otherShim(id));
        const client = await ShimClient.to(`${engine.directories.exec}/${id}`);
        const value = new TextEncoder().encode(JSON.stringify({ memory: { limit: 64 * MIB } }));
        await client.call("Update", { id, resources: { typeUrl: "", value } });
        const read = readMetrics((await client.call("Stats", { id })).stats);
        assert.ok(read?.version === 1);
        assert.equal(read.metrics.memory?.usage?.limit, 64 * MIB);
        assert.ok((read.metrics.cpu?.usage?.total ?? 0) > 0);
        const { processes } = await client.call("Pids", { id });
        assert.ok(processes.some((process) => process.pid === pid));
        client.close();
        await (await control()).removeContainer(engine, "web", { force: true });
      }, scene)),
);

test(
  "when the other shim is killed, its container has ended",
  here,
  () =>
    withRuntime(OTHER, (scene) =>
      nothingStays(async () => {
        const { engine } = scene;
        const { id, pid } = await running(scene);
        process.kill(otherShim(id), "SIGKILL");
        await until("its end", async () => (await inspect(engine, "web"))["Status"] === "exited");
        assert.equal((await inspect(engine, "web"))["ExitCode"], 137);
        await until("the end of its process", () => !existsSync(`/proc/${pid}/cmdline`));
        await (await control()).removeContainer(engine, "web");
      }, scene)),
);

test(
  "when our shim is killed, the other one and its container end",
  here,
  () =>
    withRuntime(OTHER, (scene) =>
      nothingStays(async () => {
        const { engine } = scene;
        const { id, pid } = await running(scene);
        const state = readFileSync(
          `${engine.directories.data}/containers/${id}/state.json`,
          "utf8",
        );
        const other = otherShim(id);
        process.kill((JSON.parse(state) as { shimPid: number }).shimPid, "SIGKILL");
        await until("its end", async () => (await inspect(engine, "web"))["Status"] === "exited");
        for (const ended of [pid, other]) {
          await until("the end of both", () => !existsSync(`/proc/${ended}/exe`));
        }
        await (await control()).removeContainer(engine, "web");
      }, scene)),
);
