import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { close } from "../program/mod.ts";
import { checkedCgroupPath, directoriesOf, parseCgroupLayout } from "./cgroup.ts";
import { freezeCgroup } from "./cgroup_freezer.ts";
import { frozenAt } from "./cgroup_place.ts";
import { cgroupPids, signalCgroup } from "./cgroup_processes.ts";
import { removeCgroup } from "./cgroup_remove.ts";
import { cgroupStats } from "./cgroup_usage.ts";
import { makeV1 } from "./cgroup_v1.ts";
import { makeV2 } from "./cgroup_v2.ts";
import { parseProcCgroup } from "./exec_cgroups.ts";

async function inDirectory(work: (dir: string) => void | Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "ctr-cgroup-"));
  try {
    await work(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

test("parseCgroupLayout() finds version 1 controllers, alone, together and hybrid", () => {
  const hybrid = parseCgroupLayout(
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n" +
      "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n" +
      "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" +
      "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n" +
      "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
  );
  assert.ok(hybrid.version === 1);
  assert.deepEqual([...hybrid.controllers], [
    ["cpu", "/sys/fs/cgroup/cpu,cpuacct"],
    ["cpuacct", "/sys/fs/cgroup/cpu,cpuacct"],
    ["memory", "/sys/fs/cgroup/memory"],
    ["name=systemd", "/sys/fs/cgroup/systemd"],
  ]);
  assert.equal(hybrid.unified, "/sys/fs/cgroup/unified");
  // Only systemd's own hierarchy is of version 1.
  assert.deepEqual(
    parseCgroupLayout(
      "30 23 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup rw,nsdelegate\n" +
        "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n",
    ),
    { version: 2, root: "/sys/fs/cgroup" },
  );
  assert.deepEqual(
    parseCgroupLayout("30 23 0:27 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup rw,nsdelegate\n"),
    { version: 2, root: "/sys/fs/cgroup" },
  );
});

test("checkedCgroupPath() stays below the root of the hierarchy", () => {
  assert.equal(checkedCgroupPath("ctr//a/./b"), "/ctr/a/b");
  for (const bad of ["", "/", "..", "/a/../b", "../../memory"]) {
    assert.throws(() => checkedCgroupPath(bad), { code: "invalid_argument" }, bad);
  }
});

test("directoriesOf() has one for each hierarchy, the same or not", () => {
  const controllers = new Map([["cpu", "/c/cpu,cpuacct"], ["cpuacct", "/c/cpu,cpuacct"], [
    "memory",
    "/c/memory",
  ]]);
  const layout = { version: 1, controllers, unified: "/c/unified" } as const;
  assert.deepEqual(directoriesOf(layout, "a/b"), [
    "/c/cpu,cpuacct/a/b",
    "/c/memory/a/b",
    "/c/unified/a/b",
  ]);
  assert.deepEqual(directoriesOf(layout, { "/c/memory": "/x/a", "/c/unified": "/a" }), [
    "/c/memory/x/a",
    "/c/unified/a",
  ]);
  assert.throws(() => directoriesOf(layout, { "/c/memory": "/x/../a" }), {
    code: "invalid_argument",
  });
});

test("makeV1() makes a directory for each hierarchy and writes limits", async () => {
  await inDirectory(async (dir) => {
    const controllers = new Map(
      ["memory", "pids", "freezer"].map((name) => [name, join(dir, name)]),
    );
    for (const name of ["cpu", "cpuacct"]) controllers.set(name, join(dir, "cpu,cpuacct"));
    const layout = { version: 1, controllers } as const;
    mkdirSync(join(dir, "memory/ctr/x"), { recursive: true });
    writeFileSync(join(dir, "memory/ctr/x/memory.limit_in_bytes"), "");
    const made = await makeV1(layout, "/ctr/x", { memory: { limit: 5 } });
    assert.equal(readFileSync(join(dir, "memory/ctr/x/memory.limit_in_bytes"), "utf8"), "5");
    assert.deepEqual(
      made.mounts.map(({ name }) => name).sort(),
      ["cpu,cpuacct", "freezer", "memory", "pids"],
    );
    assert.equal(made.entered.length, 4);
  });
});

test("makeV1() leaves nothing behind when a limit cannot be had", async () => {
  await inDirectory(async (dir) => {
    const layout = { version: 1, controllers: new Map([["pids", join(dir, "pids")]]) } as const;
    await assert.rejects(makeV1(layout, "/ctr/x", { memory: { limit: 5 } }), {
      code: "failed_precondition",
      message: 'cannot limit "memory.limit_in_bytes": this host has no memory controller',
    });
    assert.ok(!existsSync(join(dir, "pids/ctr/x")));
    // Nobody asked for more than the host has.
    const { entered } = await makeV1(layout, "/ctr/x", {});
    assert.deepEqual(entered, [join(dir, "pids/ctr/x")]);
  });
});

test("makeV1() refuses a cgroup that is in use", async () => {
  await inDirectory(async (dir) => {
    const layout = { version: 1, controllers: new Map([["pids", dir]]) } as const;
    mkdirSync(join(dir, "ctr/x"), { recursive: true });
    writeFileSync(join(dir, "ctr/x/cgroup.procs"), "17\n18\n");
    await assert.rejects(makeV1(layout, "/ctr/x", {}), { code: "already_exists" });
  });
});

test("makeV2() enables controllers on the way down and writes limits", async () => {
  await inDirectory(async (dir) => {
    writeFileSync(join(dir, "cgroup.controllers"), "cpu memory pids\n");
    writeFileSync(join(dir, "cgroup.subtree_control"), "\n");
    // What the kernel makes in a new cgroup is there before, in this fake one.
    mkdirSync(join(dir, "ctr/x"), { recursive: true });
    const files = ["ctr/cgroup.controllers", "ctr/cgroup.subtree_control"];
    for (const file of [...files, "ctr/x/memory.max", "ctr/x/cgroup.controllers"]) {
      writeFileSync(join(dir, file), "\n");
    }
    const layout = { version: 2, root: dir } as const;
    const made = await makeV2(layout, "/ctr/x", { memory: { limit: 5 } });
    close(made.fd!);
    assert.equal(readFileSync(join(dir, "ctr/x/memory.max"), "utf8"), "5");
    assert.equal(readFileSync(join(dir, "cgroup.subtree_control"), "utf8"), "+pids");
    assert.deepEqual(made.mounts, [{ source: join(dir, "ctr/x"), name: "" }]);
    await assert.rejects(makeV2(layout, "/ctr/x", { pids: { limit: 5 } }), {
      code: "failed_precondition",
      message: 'cannot limit "pids.max": this host has no pids controller',
    });
  });
});

test("cgroupStats(), cgroupPids(), freezeCgroup() and signalCgroup() read and write version 2's files", async () => {
  await inDirectory(async (dir) => {
    const layout = { version: 2, root: dir } as const;
    mkdirSync(join(dir, "c"));
    const files: Record<string, string> = {
      "memory.current": "100\n",
      "memory.max": "max\n",
      "memory.events": "low 0\noom 3\noom_kill 2\n",
      "cpu.stat": "usage_usec 7\nuser_usec 5\n",
      "pids.current": "4\n",
      "cgroup.procs": "10\n11\n",
    };
    for (const [file, text] of Object.entries(files)) writeFileSync(join(dir, "c", file), text);
    assert.deepEqual(cgroupStats("/c", layout), {
      memoryBytes: 100,
      cpuNs: 7000,
      pids: 4,
      oomKills: 2,
    });
    mkdirSync(join(dir, "c/below/deep"), { recursive: true });
    writeFileSync(join(dir, "c/below/deep/cgroup.procs"), "9\n11\n");
    assert.deepEqual(cgroupPids("/c", layout), [9, 10, 11]);
    await assert.rejects(freezeCgroup("/c", true, { layout }), { code: "failed_precondition" });
    writeFileSync(join(dir, "c/cgroup.freeze"), "0\n");
    assert.equal(frozenAt("/c", layout), false);
    await freezeCgroup("/c", true, { layout });
    assert.equal(readFileSync(join(dir, "c/cgroup.freeze"), "utf8"), "1");
    assert.equal(frozenAt("/c", layout), true);
    writeFileSync(join(dir, "c/cgroup.events"), "populated 1\nfrozen 0\n");
    await assert.rejects(freezeCgroup("/c", true, { layout, patienceMs: 5 }), {
      code: "deadline_exceeded",
    });
    assert.equal(frozenAt("/c", layout), false);
    writeFileSync(join(dir, "c/cgroup.kill"), "");
    assert.equal(await signalCgroup("/c", 9, layout), undefined);
    assert.equal(readFileSync(join(dir, "c/cgroup.kill"), "utf8"), "1");
    assert.deepEqual(cgroupStats("/none", layout), {});
    await removeCgroup("/none", layout);
  });
});

test("parseProcCgroup() finds the directories of a process", () => {
  const v2 = { version: 2, root: "/sys/fs/cgroup" } as const;
  assert.deepEqual(parseProcCgroup("0::/ctr/x\n", v2), [
    { directory: "/sys/fs/cgroup/ctr/x", version: 2 },
  ]);
  const controllers = new Map([["cpu", "/c/cpu"], ["memory", "/c/memory"]]);
  const text = "4:memory:/ctr/x\n3:cpu,cpuacct:/ctr/x\n2:pids:/\n1:name=systemd:/\n0::/ctr/x\n";
  assert.deepEqual(parseProcCgroup(text, { version: 1, controllers, unified: "/c/unified" }), [
    { directory: "/c/memory/ctr/x", version: 1 },
    { directory: "/c/cpu/ctr/x", version: 1 },
    { directory: "/c/unified/ctr/x", version: 2 },
  ]);
});
