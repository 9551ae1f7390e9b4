/**
 * Where a container's processes are counted, as callers see it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import type { OciSpec } from "../../src/oci/mod.ts";
import { needs } from "../fixtures/needs.ts";
import { OciRuntime } from "../fixtures/oci_command.ts";
import type { Variation } from "../fixtures/bundle.ts";

const here = needs("root", "cgroup1", "file:/bin/busybox");

test("a container is in a cgroup of every hierarchy, and they go with it", here, async () => {
  await using oci = new OciRuntime();
  oci.configure(["sleep", "1000"]);
  const pid = await oci.create();
  await oci.start();
  const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().split("\n");
  for (const line of lines) assert.ok(line.endsWith(`:${oci.bundle.cgroup}`), line);
  await oci.ok(["update", "--cpuset-cpus", "0", oci.id]);
  await oci.ok(["update", "--blkio-weight", "300", oci.id]);
  await oci.ok(["delete", "--force", oci.id]);
  for (const name of ["cpuset", "blkio", "systemd", "unified"]) {
    assert.ok(!existsSync(`/sys/fs/cgroup/${name}${oci.bundle.cgroup}`), name);
  }
});

test(
  "a container whose cgroup is another's is not made, and the other lives on",
  here,
  async () => {
    await using oci = new OciRuntime();
    await using second = new OciRuntime();
    oci.configure(["sleep", "1000"]);
    await oci.create();
    await oci.start();
    const cgroupsPath = oci.bundle.cgroup;
    second.configure(["sleep", "1000"], {
      change: (spec): OciSpec => ({ ...spec, linux: { ...spec.linux, cgroupsPath } }),
    });
    const { code, stderr } = await second.call(["create", "--bundle", second.dir, second.id]);
    assert.equal(code, 1);
    assert.match(stderr, /there are processes in it/);
    assert.equal((await oci.state()).status, "running");
  },
);

test("who may not make cgroups has containers without, unless a limit needs one", {
  ...needs("root", "cgroup1", "userns", "file:/bin/busybox", "cmd:unshare"),
}, async () => {
  await using oci = new OciRuntime();
  // Root of a user namespace that has no other ids, and cgroups that nobody there can write to.
  const readonly = "for place in /sys/fs/cgroup/*; do mount -o remount,bind,ro $place; done";
  const through = `unshare --user --map-root-user --mount sh -c '${readonly}; exec "$@"' sh`;
  const run = async (limits: Variation) => {
    oci.configure(["cat", "/proc/self/cgroup"], {
      ...limits,
      change: (spec) => ({
        ...spec,
        mounts: spec.mounts!.map((mount) => ({
          ...mount,
          options: mount.options!.filter((option) => !option.startsWith("gid=")),
        })),
      }),
    });
    return await oci.call(["run", "--bundle", oci.dir, oci.id], { through });
  };
  const { code, stdout, stderr } = await run({});
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stdout, new RegExp(oci.id));
  const limited = await run({ pidsLimit: 5 });
  assert.equal(limited.code, 1);
  assert.match(limited.stderr, /cgroup.*read-only file system/);
});
