/**
 * What the callers of an OCI runtime rely on: what it says about containers, and how they go.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { OciSpec } from "../../src/oci/mod.ts";
import { until } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";
import { exitOf, OciRuntime, type State } from "../fixtures/oci_command.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");

test(
  "contract 7: state and list tell what a container is, at every time of its life",
  here,
  async () => {
    await using oci = new OciRuntime();
    oci.configure(["sleep", "100"], {
      change: (spec) => ({ ...spec, annotations: { "a.b": "c" } }),
    });
    const before = Date.now();
    const pid = await oci.create();
    const { created, owner, ...state } = await oci.state();
    assert.deepEqual(state, {
      ociVersion: state.ociVersion,
      id: oci.id,
      pid,
      status: "created",
      bundle: oci.dir,
      rootfs: oci.bundle.rootfs,
      annotations: { "a.b": "c" },
    });
    assert.match(state.ociVersion, /^1\.\d+\.\d+/);
    assert.ok(Date.parse(created) >= before - 1000 && Date.parse(created) <= Date.now(), created);
    assert.match(created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/);
    const statuses: string[] = [];
    const look = async () => statuses.push((await oci.state()).status);
    await oci.start();
    await look();
    await oci.ok(["pause", oci.id]);
    await look();
    await oci.ok(["resume", oci.id]);
    await look();
    const [listed] = JSON.parse(await oci.ok(["list", "--format", "json"])) as State[];
    assert.deepEqual(listed, { ...state, created, owner: "root", status: "running" });
    assert.ok(owner === "" || owner === "root", "runc says it in its list only");
    assert.equal(await oci.ok(["list", "--quiet"]), `${oci.id}\n`);
    assert.match(
      await oci.ok(["list"]),
      new RegExp(
        `^ID +PID +STATUS +BUNDLE +CREATED +OWNER\n${oci.id} +${pid} +running +${oci.dir} .*root`,
      ),
    );
    await oci.ok(["kill", oci.id, "KILL"]);
    assert.equal(await exitOf(pid), 137);
    await look();
    assert.deepEqual(statuses, ["running", "paused", "running", "stopped"]);
    assert.equal((await oci.state()).pid, 0);
  },
);

test("contract 7: a process that nobody has reaped is stopped", here, async () => {
  await using oci = new OciRuntime();
  oci.configure(["true"]);
  const pid = await oci.create();
  oci.reaps = false;
  await oci.start();
  await until("a zombie", () => /\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8")));
  const { status, pid: told } = await oci.state();
  assert.deepEqual([status, told], ["stopped", 0]);
  await oci.ok(["delete", oci.id]);
});

test("contract 8: --version has a version, a commit and a spec", here, async () => {
  await using oci = new OciRuntime();
  for (const flag of ["--version", "-v"]) {
    const [name, commit, spec] = (await oci.ok([flag], { root: [] })).split("\n");
    assert.match(name!, /^\S+ version \d\S*$/);
    assert.match(commit!, /^commit: \S+/);
    assert.match(spec!, /^spec: 1\.\d+\.\d+/);
  }
});

const exists = (pid: number) => existsSync(`/proc/${pid}`);

test("contract 9: delete refuses the running, and kills what was only created", here, async () => {
  await using oci = new OciRuntime();
  oci.configure(["sleep", "100"]);
  const running = await oci.create();
  await oci.start();
  const refused = await oci.call(["delete", oci.id]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /running/);
  assert.equal((await oci.state()).status, "running");
  await oci.ok(["delete", "--force", oci.id]);
  await until("its end", () => !exists(running));
  const created = await oci.create();
  await oci.ok(["delete", oci.id]);
  await until("its end", () => !exists(created));
  await oci.ok(["delete", "--force", oci.id]);
  await oci.ok(["delete", "-f", "nobody"]);
});

test(
  "contract 9: delete removes the cgroup and the state and runs poststop hooks",
  here,
  async () => {
    await using oci = new OciRuntime();
    const log = join(oci.dir, "log");
    const poststop = [{ path: "/bin/sh", args: ["sh", "-c", `cat > ${log}`] }];
    oci.configure(["true"], { change: (spec) => ({ ...spec, hooks: { poststop } }) });
    await oci.toEnd();
    assert.equal(existsSync(log), false);
    assert.notDeepEqual(cgroupsOf(oci), []);
    await oci.ok(["delete", oci.id]);
    const { id, status } = JSON.parse(readFileSync(log, "utf8")) as State;
    assert.deepEqual([id, status], [oci.id, "stopped"]);
    assert.deepEqual(cgroupsOf(oci), []);
    assert.deepEqual(readdirSync(oci.root), []);
  },
);

test("contract 9: delete --force removes what a create that was killed left", here, async () => {
  await using oci = new OciRuntime();
  mkdirSync(join(oci.root, oci.id), { recursive: true });
  await oci.ok(["delete", "--force", oci.id]);
  assert.deepEqual(readdirSync(oci.root), []);
});

/** The directories of a container's cgroup, in all hierarchies. */
function cgroupsOf({ bundle }: OciRuntime): string[] {
  return ["", ...readdirSync("/sys/fs/cgroup")].map((name) =>
    `/sys/fs/cgroup/${name}${bundle.cgroup}`
  )
    .filter((path) => existsSync(path));
}

const sharedPids = (spec: OciSpec): OciSpec => ({
  ...spec,
  linux: {
    ...spec.linux,
    namespaces: spec.linux!.namespaces!.filter(({ type }) => type !== "pid"),
  },
});

test(
  "contract 10: what a container without a PID namespace left running goes with it",
  here,
  async () => {
    await using oci = new OciRuntime();
    oci.configure(["sh", "-c", "sleep 100 & echo $!"], { change: sharedPids });
    const { stdout } = await oci.toEnd();
    const left = Number(stdout);
    assert.ok(exists(left));
    await oci.ok(["delete", oci.id]);
    await until("its end", () => !exists(left));
    assert.deepEqual(cgroupsOf(oci), []);
  },
);

test("contract 10: the bundle may change after create", here, async () => {
  await using oci = new OciRuntime();
  oci.configure(["sleep", "100"]);
  await oci.create();
  writeFileSync(join(oci.dir, "config.json"), "{}");
  await oci.start();
  await oci.ok(["pause", oci.id]);
  await oci.ok(["resume", oci.id]);
  const process = oci.bundle.spec(["hostname"]).process;
  writeFileSync(join(oci.dir, "process.json"), JSON.stringify(process));
  const exec = ["exec", "--process", join(oci.dir, "process.json"), oci.id];
  assert.equal(await oci.ok(exec), "inside\n");
  await oci.ok(["delete", "--force", oci.id]);
  assert.deepEqual(cgroupsOf(oci), []);
});
