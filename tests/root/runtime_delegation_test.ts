import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { test } from "node:test";
import type { OciSpec } from "../../src/oci/mod.ts";
import { cgroupVersion } from "../../src/runtime/mod.ts";
import { Bundle, finish, HOST_IDS, inUserNamespace } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";

const v2 = cgroupVersion() === 2;

/** With its cgroups to write to. */
const writable = (spec: OciSpec): OciSpec => ({
  ...inUserNamespace(spec),
  mounts: spec.mounts!.map((mount) =>
    mount.type === "cgroup"
      ? { ...mount, options: mount.options!.filter((option) => option !== "ro") }
      : mount
  ),
});

test("a container in a user namespace divides its cgroup of version 2, and only that", {
  ...needs("root", "cgroup", "userns", "file:/bin/busybox"),
}, async () => {
  await using bundle = new Bundle();
  execFileSync("chown", ["-R", `${HOST_IDS}:${HOST_IDS}`, bundle.dir]);
  const own = `/sys/fs/cgroup${v2 ? "" : "/pids"}`;
  const script = `cd ${own}; mkdir a && echo 0 > a/cgroup.procs && echo moved`;
  const created = await bundle.create(["/bin/sh", "-c", script], { change: writable });
  const directory = `${own}${bundle.cgroup}`;
  assert.equal(statSync(directory).uid, v2 ? HOST_IDS : 0);
  assert.equal(statSync(`${directory}/cgroup.procs`).uid, v2 ? HOST_IDS : 0);
  assert.equal(statSync(`${directory}/pids.max`).uid, 0);
  const { stdout, stderr } = finish(created);
  assert.equal(stdout, v2 ? "moved\n" : "", stderr);
  await bundle.destroy();
});

test("a cgroup that a container cannot write to stays ours", {
  ...needs("root", "cgroup", "userns", "file:/bin/busybox"),
}, async () => {
  await using bundle = new Bundle();
  execFileSync("chown", ["-R", `${HOST_IDS}:${HOST_IDS}`, bundle.dir]);
  const created = await bundle.create(["/bin/true"], { change: inUserNamespace });
  const directory = `/sys/fs/cgroup${v2 ? "" : "/pids"}${bundle.cgroup}`;
  assert.equal(statSync(directory).uid, 0);
  assert.equal(finish(created).exitCode, 0);
});
