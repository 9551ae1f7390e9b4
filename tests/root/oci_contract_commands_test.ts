/**
 * What the callers of an OCI runtime rely on: the commands and flags that they call it with.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";
import { exitOf, OciRuntime } from "../fixtures/oci_command.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");

/** A container that sleeps. */
async function sleeping(): Promise<{ readonly oci: OciRuntime; readonly pid: number }> {
  const oci = new OciRuntime();
  oci.configure(["sleep", "100"]);
  const pid = await oci.create();
  await oci.start();
  return { oci, pid };
}

test(
  "create takes obsolete flags too, and values after a blank or an equals sign",
  here,
  async () => {
    await using oci = new OciRuntime();
    oci.configure(["true"]);
    const create = [
      "create",
      "--no-pivot",
      "--no-new-keyring",
      `-b=${oci.dir}`,
      `--pid-file=${oci.dir}/pid`,
    ];
    await oci.ok(["--rootless=false", "--debug=false", "--log-format=text", ...create, oci.id]);
    assert.match(readFileSync(join(oci.dir, "pid"), "utf8"), /^\d+$/);
    await oci.ok(["--rootless=true", "state", oci.id]);
    await oci.ok(["--rootless", "auto", "delete", oci.id]);
    const bundled = await oci.call(["create", oci.id], { cwd: oci.dir });
    assert.equal(bundled.code, 0, "the bundle is the working directory by default");
  },
);

test(
  "kill takes names, numbers and the obsolete --all, before the id and after it",
  here,
  async () => {
    for (
      const args of [["--all", "ID", "9"], ["ID", "SIGKILL"], ["-a", "ID", "kill"], ["ID", "9"]]
    ) {
      const { oci, pid } = await sleeping();
      await using _ = oci;
      await oci.ok(["kill", ...args.map((arg) => arg === "ID" ? oci.id : arg)]);
      assert.equal(await exitOf(pid), 137, args.join(" "));
    }
    await using oci = new OciRuntime();
    oci.configure(["sh", "-c", "trap 'exit 5' TERM; echo ready; while true; do sleep 0.01; done"]);
    const pid = await oci.create();
    await oci.start();
    await until("its trap", () => oci.written.stdout === "ready\n");
    const { code, stderr } = await oci.call(["kill", oci.id, "SIGNONE"]);
    assert.deepEqual([code, /signal/.test(stderr)], [1, true], stderr);
    await oci.ok(["kill", oci.id]);
    assert.equal(await exitOf(pid), 5, "SIGTERM is the default");
  },
);

test("run is create and start, and delete in the end unless --keep", here, async () => {
  await using oci = new OciRuntime();
  oci.configure(["sh", "-c", "cat; exit 3"]);
  const run = ["run", "--bundle", oci.dir];
  const { code, stdout, stderr } = await oci.call([...run, oci.id], { stdin: "through\n" });
  assert.deepEqual({ code, stdout, stderr }, { code: 3, stdout: "through\n", stderr: "" });
  assert.equal(await oci.ok(["list", "-q"]), "");
  assert.equal((await oci.call([...run, "--keep", "--no-subreaper", oci.id])).code, 3);
  assert.equal((await oci.state()).status, "stopped");
  assert.equal((await oci.call([...run, oci.id])).code, 1, "the id is taken");
  await oci.ok(["delete", oci.id]);
  oci.configure(["sleep", "100"]);
  await oci.ok([...run, "--detach", "--pid-file", join(oci.dir, "pid"), oci.id]);
  assert.equal((await oci.state()).pid, Number(readFileSync(join(oci.dir, "pid"), "utf8")));
});

test("run passes signals on", here, async () => {
  await using oci = new OciRuntime();
  oci.configure([
    "sh",
    "-c",
    "trap 'echo HUP; exit 4' HUP; echo ready; while true; do sleep 0.01; done",
  ]);
  const ended = oci.call(["run", "--bundle", oci.dir, oci.id], {
    files: oci.id,
    before: `echo $$ >${oci.dir}/runtime`,
  });
  await until("its trap", () => oci.written.stdout === "ready\n");
  process.kill(Number(readFileSync(join(oci.dir, "runtime"), "utf8")), "SIGHUP");
  assert.deepEqual(await ended, { code: 4, signal: null, stdout: "ready\nHUP\n", stderr: "" });
});

test("exec runs what --process says, and nothing on its streams is its own", here, async () => {
  const { oci } = await sleeping();
  await using _ = oci;
  const { process } = oci.bundle.spec(["sh", "-c", "cat; echo $A >&2; exit 6"], {
    env: ["PATH=/bin", "A=b"],
  });
  writeFileSync(join(oci.dir, "process.json"), JSON.stringify(process));
  const exec = ["exec", "--process", join(oci.dir, "process.json")];
  const ended = await oci.call([...exec, oci.id], { stdin: "through\n" });
  assert.deepEqual(ended, { code: 6, signal: null, stdout: "through\n", stderr: "b\n" });
  const pidFile = join(oci.dir, "pid");
  const detached = await oci.call([...exec, "--detach", "--pid-file", pidFile, oci.id], {
    files: "detached",
  });
  assert.equal(detached.code, 0);
  assert.equal(await exitOf(Number(readFileSync(pidFile, "utf8"))), 6);
});

test("exec takes its process apart from flags", here, async () => {
  const { oci } = await sleeping();
  await using _ = oci;
  const show = "pwd; id; echo $A; grep -e NoNewPrivs -e CapBnd -e Groups /proc/self/status";
  const flags = ["--cwd", "/tmp", "-e", "A=b", "--user=1000:1001", "--additional-gids", "29"];
  const output = await oci.ok(
    ["exec", ...flags, "--no-new-privs", "--cap", "CAP_NET_RAW", oci.id, "sh", "-c", show],
  );
  assert.match(output, /^\/tmp\nuid=1000 gid=1001 groups=.*29.*\nb\n/);
  assert.match(output, /^Groups:\s+29 *$/m);
  assert.match(output, /^NoNewPrivs:\s+1$/m);
  const added = parseInt(/^CapBnd:\s+([0-9a-f]+)$/m.exec(output)![1]!, 16);
  assert.ok(added & (1 << 13), "CAP_NET_RAW is allowed");
  assert.equal(await oci.ok(["exec", oci.id, "echo", "-n", "--cwd"]), "--cwd");
});

test("exec refuses a paused container, unless --ignore-paused", here, async () => {
  const { oci } = await sleeping();
  await using _ = oci;
  await oci.ok(["pause", oci.id]);
  const refused = await oci.call(["exec", oci.id, "true"]);
  assert.deepEqual([refused.code, /paused/.test(refused.stderr)], [255, true], refused.stderr);
  const ended = oci.call(["exec", "--ignore-paused", oci.id, "sh", "-c", "exit 3"]);
  await until("the process", async () => (await processesOf(oci)).length > 1);
  await oci.ok(["resume", oci.id]);
  assert.equal((await ended).code, 3);
});

test("exec --cgroup puts the process below the container's cgroup", here, async () => {
  const { oci, pid } = await sleeping();
  await using _ = oci;
  const [line] = /^\d+:pids:.*$|^0::.+$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8"))!;
  const [, controller, path] = line.split(":");
  const below = existsSync("/sys/fs/cgroup/cgroup.controllers")
    ? `/sys/fs/cgroup${path}`
    : `/sys/fs/cgroup/${controller}${path}`;
  mkdirSync(`${below}/below`);
  const flag = controller === "" ? "below" : `${controller}:below`;
  const output = await oci.ok(["exec", "--cgroup", flag, oci.id, "cat", "/proc/self/cgroup"]);
  assert.match(output, /\/below$/m);
  for (const nowhere of ["nowhere", "nothing:below"]) {
    assert.equal((await oci.call(["exec", "--cgroup", nowhere, oci.id, "true"])).code, 255);
  }
});

async function processesOf(oci: OciRuntime): Promise<number[]> {
  return (JSON.parse(await oci.ok(["ps", "--format", "json", oci.id])) as number[]).toSorted();
}

test("ps --format json is an array of process ids of the host", here, async () => {
  const { oci, pid } = await sleeping();
  await using _ = oci;
  const pidFile = join(oci.dir, "pid");
  await oci.ok(["exec", "--detach", "--pid-file", pidFile, oci.id, "sleep", "100"]);
  assert.deepEqual(await processesOf(oci), [pid, Number(readFileSync(pidFile, "utf8"))].toSorted());
  // What runc adds has not executed its program yet when exec returns.
  await until(
    "the table",
    async () => /^(UID +PID|PID +USER) .*\n(.*sleep 100\n){2}$/.test(await oci.ok(["ps", oci.id])),
  );
});
