/**
 * The life cycle of containers through the command line of `ctr-oci`: what happens at once, what is
 * left after a crash, and what a shell does without a JavaScript runtime.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { OciSpec } from "../../src/oci/mod.ts";
import { start, until } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";
import { OciRuntime } from "../fixtures/oci_command.ts";
import { ROOT } from "../fixtures/source_scan.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");

const statusOf = async (oci: OciRuntime) => (await oci.state()).status;
const createAgain = (oci: OciRuntime) => oci.call(["create", "--bundle", oci.dir, oci.id]);
const runWhole = (oci: OciRuntime) => oci.call(["run", "--bundle", oci.dir, oci.id]);

test("create, start, state and delete are a container's life", here, async () => {
  await using oci = new OciRuntime();
  oci.configure(["sh", "-c", "echo hello; cat /proc/self/comm; sleep 1000"]);
  await oci.create();
  assert.equal(await statusOf(oci), "created");
  assert.equal(oci.written.stdout, "");
  await oci.ok(["start", oci.id]);
  await until("its output", () => oci.written.stdout === "hello\ncat\n");
  assert.equal(await statusOf(oci), "running");
  await oci.ok(["kill", oci.id, "KILL"]);
  await until("its end", async () => await statusOf(oci) === "stopped");
  await oci.ok(["delete", oci.id]);
  assert.deepEqual(readdirSync(oci.root), []);
});

test("run hands its end on, and leaves nothing", here, async () => {
  await using oci = new OciRuntime();
  oci.configure(["sh", "-c", "echo out; echo err >&2; exit 7"]);
  const { code, stdout, stderr } = await runWhole(oci);
  assert.deepEqual([code, stdout, stderr], [7, "out\n", "err\n"]);
  assert.deepEqual(readdirSync(oci.root), []);
});

test("run and exec pass signals on, and tell how it ended", here, async () => {
  const script = 'trap "echo got it; exit 3" USR1; echo ready; while true; do sleep 0.02; done';
  await using oci = new OciRuntime();
  oci.configure(["sh", "-c", script]);
  const argv = [join(ROOT, "cli/ctr-oci"), "--root", oci.root];
  const run = start([...argv, "run", "--bundle", oci.dir, oci.id]);
  await until("its trap", () => run.stdout() === "ready\n");
  const exec = start([...argv, "exec", oci.id, "sh", "-c", script]);
  await until("the other trap", () => exec.stdout() === "ready\n");
  exec.kill("SIGUSR1");
  assert.deepEqual(await exec.ended.then(({ code, stdout }) => [code, stdout]), [
    3,
    "ready\ngot it\n",
  ]);
  const other = start([...argv, "exec", oci.id, "sh", "-c", "echo ready; exec sleep 1000"]);
  await until("the last", () => other.stdout() === "ready\n");
  other.kill("SIGTERM");
  assert.equal((await other.ended).code, 143);
  run.kill("SIGUSR1");
  assert.deepEqual(await run.ended.then(({ code, stdout }) => [code, stdout]), [
    3,
    "ready\ngot it\n",
  ]);
  assert.deepEqual(readdirSync(oci.root), []);
});

test("of many that create a container one does, and of many that start it", here, async () => {
  await using oci = new OciRuntime();
  oci.configure(["sleep", "1000"]);
  const created = await Promise.all([1, 2, 3].map(() => createAgain(oci)));
  assert.deepEqual(created.map(({ code }) => code).sort(), [0, 1, 1]);
  const started = await Promise.all([1, 2, 3, 4, 5, 6].map(() => oci.call(["start", oci.id])));
  assert.deepEqual(started.map(({ code }) => code).sort(), [0, 1, 1, 1, 1, 1]);
  assert.match(started.find(({ code }) => code === 1)!.stderr, /already running container/);
});

test("hooks of all six kinds are run at their stations and told the state", here, async () => {
  await using oci = new OciRuntime();
  oci.configure(["sh", "-c", "cat /log"], {
    change: (spec: OciSpec) => {
      const log = join(oci.bundle.rootfs, "log");
      // Where the hook is, by what it sees; and what it is told.
      const hook = (name: string, path: string) => [{
        path: "/bin/sh",
        args: ["sh", "-c", `echo ${name} $(hostname) $(grep -o '"status":"[a-z]*"') >> ${path}`],
        env: ["PATH=/bin:/usr/bin"],
      }];
      const names = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"];
      return {
        ...spec,
        hooks: {
          ...Object.fromEntries(names.map((name) => [name, hook(name, log)])),
          startContainer: hook("startContainer", "/log"),
        },
      };
    },
  });
  writeFileSync(join(oci.bundle.rootfs, "log"), "");
  await oci.create();
  await oci.ok(["start", oci.id]);
  await until("its end", async () => await statusOf(oci) === "stopped");
  await oci.ok(["delete", oci.id]);
  const host = readFileSync("/proc/sys/kernel/hostname", "utf8").trim();
  const log = readFileSync(join(oci.bundle.rootfs, "log"), "utf8").trim().split("\n");
  assert.deepEqual(log, [
    `prestart ${host} "status":"creating"`,
    `createRuntime ${host} "status":"creating"`,
    // The name is set after pivot_root.
    `createContainer ${host} "status":"creating"`,
    'startContainer inside "status":"created"',
    `poststart ${host} "status":"running"`,
    `poststop ${host} "status":"stopped"`,
  ]);
});

test("a hook that fails or takes too long ends create, and leaves nothing", here, async () => {
  for (
    const [station, hook, reason] of [
      [
        "createRuntime",
        { args: ["sh", "-c", "echo no such luck; exit 3"] },
        /exit status 3: no such/,
      ],
      [
        "createContainer",
        { args: ["sh", "-c", "sleep 1000"], timeout: 1 },
        /specified timeout of 1.0s/,
      ],
    ] as const
  ) {
    await using oci = new OciRuntime();
    oci.configure(["true"], {
      change: (spec: OciSpec) => ({
        ...spec,
        hooks: { [station]: [{ path: "/bin/sh", ...hook }] },
      }),
    });
    const { code, stderr } = await runWhole(oci);
    assert.equal(code, 1);
    assert.match(stderr, reason);
    assert.deepEqual(readdirSync(oci.root), []);
    assert.ok(!existsSync(`/sys/fs/cgroup/memory${oci.bundle.cgroup}`), "its cgroup");
  }
});

test("start and delete need no JavaScript runtime", here, async () => {
  await using oci = new OciRuntime();
  oci.configure(["sleep", "1000"]);
  await oci.create();
  const launcher = join(ROOT, "cli/ctr-oci");
  const shellOnly = (...args: readonly string[]) =>
    start([launcher, "--root", oci.root, ...args], { env: { CTR_RUNTIME: "none" } }).ended;
  assert.equal((await shellOnly("state", oci.id)).code, 125, "there is no other way for the rest");
  assert.deepEqual(await shellOnly("delete", oci.id).then(({ code }) => code), 125, "it waits");
  assert.equal((await shellOnly("start", oci.id)).code, 0);
  assert.equal(await statusOf(oci), "running");
  assert.equal((await shellOnly("start", oci.id)).code, 125, "it runs already");
  assert.equal((await shellOnly("delete", oci.id)).code, 125, "it runs");
  await oci.ok(["kill", oci.id, "KILL"]);
  await until("its end", async () => await statusOf(oci) === "stopped");
  assert.equal((await shellOnly("start", oci.id)).code, 125, "it has ended");
  assert.equal((await shellOnly("delete", "--force", oci.id)).code, 0);
  assert.deepEqual(readdirSync(oci.root), []);
  assert.ok(!existsSync(`/sys/fs/cgroup/memory${oci.bundle.cgroup}`), "its cgroup");
});

test("a symbolic link named runc is the runtime, and says so", here, async () => {
  await using oci = new OciRuntime();
  oci.configure(["true"]);
  const link = join(oci.dir, "runc");
  const { symlinkSync } = await import("node:fs");
  symlinkSync(join(ROOT, "cli/ctr-oci"), link);
  const { stdout } = await start([link, "--version"]).ended;
  assert.match(stdout, /^runc version \d+\.\d+\.\d+\ncommit: \S+\nspec: 1\.\d+\.\d+\n/);
});
