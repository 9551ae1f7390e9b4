import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { cgroupVersion, containerStatsJsonAt } from "../../src/runtime/mod.ts";
import { Bundle, finish } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";

interface Stats {
  readonly cpu: { readonly usage: { readonly total: number }; readonly psi?: unknown };
  readonly memory: { readonly usage: { readonly limit: number; readonly usage: number } };
  readonly pids: unknown;
}

test("what a container has used and may use is told as runc does", {
  ...needs("root", "cgroup", "file:/bin/busybox"),
}, async () => {
  await using bundle = new Bundle();
  const limits = { memoryBytes: 64 << 20, pidsLimit: 33 };
  const created = await bundle.create(["/bin/true"], limits);
  const stats = await containerStatsJsonAt(bundle.cgroup) as unknown as Stats;
  assert.deepEqual(stats.pids, { current: 1, limit: 33 });
  assert.equal(stats.memory.usage.limit, 64 << 20);
  assert.ok(stats.memory.usage.usage > 0 && stats.cpu.usage.total > 0);
  assert.equal(stats.cpu.psi !== undefined, cgroupVersion() === 2);
  finish(created);
});

test("runc itself tells the same of its container, in the same words and order", {
  ...needs("root", "cgroup1", "cmd:runc", "file:/bin/busybox"),
}, async () => {
  await using bundle = new Bundle();
  const spec = bundle.spec(["/bin/sleep", "60"], { memoryBytes: 64 << 20, pidsLimit: 33 });
  writeFileSync(join(bundle.dir, "config.json"), JSON.stringify(spec));
  const runc = (...args: string[]) =>
    execFileSync("runc", ["--root", join(bundle.dir, "runc"), ...args], {
      encoding: "utf8",
      stdio: ["ignore", args[0] === "events" ? "pipe" : "ignore", "inherit"],
    });
  runc("run", "--detach", "--bundle", bundle.dir, bundle.id);
  try {
    const theirs = JSON.parse(runc("events", "--stats", bundle.id)).data;
    const ours = JSON.parse(JSON.stringify(await containerStatsJsonAt(bundle.cgroup)));
    // Memory is given back, time passes and what was 0 is not any more: what is compared beside the
    // limits is which words there are.
    const passing = new Set(["usage", "max", "total", "kernel", "user", "cache", "percpu"]);
    const shape = (value: unknown, name = ""): unknown =>
      typeof value === "number"
        ? passing.has(name) ? undefined : name === "limit" ? value : "number"
        : Array.isArray(value)
        ? value.length
        : value === null
        ? null
        : Object.entries(value as object).map(([name, value]) => [name, shape(value, name)])
          .filter(([name, value]) =>
            value !== undefined && !["throttling", "hugetlb", "blkio"].includes(name as string)
          );
    assert.deepEqual(shape(ours), shape(theirs));
  } finally {
    runc("delete", "--force", bundle.id);
  }
});
