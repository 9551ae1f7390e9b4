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
