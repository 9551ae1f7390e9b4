import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { OciSpec } from "../../src/oci/mod.ts";
import { close, kill, waitFor } from "../../src/program/mod.ts";
import {
  type CgroupPath,
  cgroupVersion,
  containerStatsJsonAt,
  destroyAt,
  updateResourcesAt,
} from "../../src/runtime/mod.ts";
import { Bundle, type Created, type Variation } from "../fixtures/bundle.ts";
import { RUNTIME } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";
import { ROOT } from "../fixtures/source_scan.ts";

/** Where version 2 is, alone or beside the other. */
const UNIFIED = `/sys/fs/cgroup${cgroupVersion() === 2 ? "" : "/unified"}`;

const hybrid = needs("root", "cgroup1", "file:/bin/busybox", "file:/sys/fs/cgroup/unified");

/** Lines of `/proc/PID/cgroup` by the names of their controllers. */
const cgroupsOf = (pid: number) => parse(readFileSync(`/proc/${pid}/cgroup`, "utf8"));

function parse(text: string): ReadonlyMap<string, string> {
  const lines = text.matchAll(/^\d+:([^:]*):(.*)$/gm);
  return new Map([...lines].map(([, names, path]) => [names!, path!]));
}

async function withSleeper(
  more: Variation,
  work: (sleeper: Created & { bundle: Bundle; pid: number; path: CgroupPath }) => Promise<void>,
): Promise<void> {
  await using bundle = new Bundle();
  const created = await bundle.create(["/bin/sleep", "60"], more);
  const { process, stdout, stderr } = created;
  process.start();
  const { path } = created.process.cgroup;
  try {
    await work({ ...created, bundle, pid: process.pid, path });
  } finally {
    kill(process.pid, 9);
    waitFor(process.pid, { block: true });
    await destroyAt(path);
    close(stdout);
    close(stderr);
  }
}

test(
  "a container can be in every hierarchy of the host, and what is added to it too",
  hybrid,
  () =>
    withSleeper({ create: { everyHierarchy: true } }, async ({ bundle, pid }) => {
      const cgroups = cgroupsOf(pid);
      assert.ok(cgroups.has("name=systemd") && cgroups.has("blkio") && cgroups.has(""));
      assert.deepEqual(new Set(cgroups.values()), new Set([bundle.cgroup]));
      const spec = bundle.spec(["x"]);
      const { stdout } = await bundle.exec({
        pid,
        spec,
        process: { ...spec.process!, args: ["/bin/cat", "/proc/self/cgroup"] },
      });
      // Seen from the container's cgroup namespace.
      assert.deepEqual([...stdout.matchAll(/:(\/.*)$/gm)].filter(([, path]) => path !== "/"), []);
    }),
);

test("a process is added to a container that has divided its cgroup among its own", {
  ...needs("root", "cgroup", "file:/bin/busybox", `file:${UNIFIED}/cgroup.controllers`),
}, () => {
  const [controller = ""] = readFileSync(`${UNIFIED}/cgroup.controllers`, "utf8").trim().split(" ");
  return withSleeper({ create: { everyHierarchy: true } }, async ({ bundle, pid, path }) => {
    const directory = `${UNIFIED}${path}`;
    // A version that is beside another has given nothing to the container yet.
    for (const above of [UNIFIED, dirname(directory)]) {
      writeFileSync(`${above}/cgroup.subtree_control`, `+${controller}`);
    }
    mkdirSync(`${directory}/init.scope`);
    writeFileSync(`${directory}/init.scope/cgroup.procs`, String(pid));
    writeFileSync(`${directory}/cgroup.subtree_control`, `+${controller}`);
    const spec = bundle.spec(["x"]);
    const { stdout, stderr } = await bundle.exec({
      pid,
      spec,
      process: { ...spec.process!, args: ["/bin/cat", "/proc/self/cgroup"] },
    });
    assert.match(stdout, /^0::\/init.scope$/m, stderr);
  });
});

test("huge pages are limited where their controller is", hybrid, () => {
  const size = readFileSync("/proc/meminfo", "utf8").match(/^Hugepagesize: +(\d+) kB$/m)![1]!;
  const pageSize = `${Number(size) / 1024}MB`;
  const change = (spec: OciSpec): OciSpec => ({
    ...spec,
    linux: {
      ...spec.linux,
      resources: { ...spec.linux?.resources, hugepageLimits: [{ pageSize, limit: 8 << 20 }] },
    },
  });
  return withSleeper({ change }, async ({ bundle, pid, path }) => {
    const file = `/sys/fs/cgroup/unified${bundle.cgroup}/hugetlb.${pageSize}.max`;
    assert.equal(readFileSync(file, "utf8").trim(), String(8 << 20));
    assert.equal(cgroupsOf(pid).get(""), bundle.cgroup);
    await updateResourcesAt(path, { hugepageLimits: [{ pageSize, limit: 4 << 20 }] });
    assert.equal(readFileSync(file, "utf8").trim(), String(4 << 20));
    const { hugetlb } = await containerStatsJsonAt(path) as { hugetlb: object };
    assert.ok(pageSize in hugetlb);
  });
});

test("a relative path is below the cgroups of whoever makes the container", {
  ...needs("root", "cgroup1", "file:/bin/busybox"),
}, async () => {
  // Of its own in two hierarchies, not the same.
  const own = { memory: `/ctr-test/own-m${process.pid}`, pids: `/ctr-test/own-p${process.pid}` };
  const directories = Object.entries(own).map(([name, path]) => `/sys/fs/cgroup/${name}${path}`);
  for (const directory of directories) mkdirSync(directory, { recursive: true });
  const name = `ctr-relative-${process.pid}`;
  const elsewhere = cgroupsOf(process.pid).get("cpu");
  try {
    const run = RUNTIME === "bun" ? ["bun"] : ["deno", "run", "--allow-all", "--no-check"];
    const program = join(ROOT, "tests/fixtures/relative_cgroup_program.ts");
    const enter = directories.map((directory) => `echo $$ >${directory}/cgroup.procs`).join(";");
    const output = execFileSync("/bin/sh", [
      "-c",
      `${enter}; exec "$@"`,
      "sh",
      ...run,
      program,
      name,
    ], {
      encoding: "utf8",
    });
    const { path, cgroup, pid, found } = JSON.parse(output);
    const theirs = parse(cgroup);
    assert.equal(theirs.get("memory"), `${own.memory}/${name}`);
    assert.equal(theirs.get("pids"), `${own.pids}/${name}`);
    assert.equal(theirs.get("cpu"), `${elsewhere === "/" ? "" : elsewhere}/${name}`);
    assert.deepEqual(found, [pid]);
    for (const [place, below] of Object.entries(path)) assert.ok(!existsSync(`${place}${below}`));
  } finally {
    for (const directory of directories) rmdirSync(directory);
  }
});
