import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { F, O } from "../../src/linux/mod.ts";
import { end, plainly } from "../fixtures/attack.ts";
import { Bundle } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";
import { OciRuntime } from "../fixtures/oci_command.ts";

// runc: it had a descriptor of the host's /sys/fs/cgroup open, and a working directory of
// /proc/self/fd/7 put the container's process into it, from where `..` led to the host's root.

const here = needs("root", "cgroup", "file:/bin/busybox");

test("CVE-2024-21626: no working directory is a descriptor of the host", here, async () => {
  await using bundle = new Bundle();
  const host = fs.openSync("/", O.O_RDONLY);
  plainly("fcntl", host, F.F_SETFD, 0);
  // It is a way to the host for who does not look: a child has it.
  const before = process.cwd();
  process.chdir(`/proc/self/fd/${host}`);
  process.chdir(before);
  const args = ["/bin/sleep", "60"];
  const spec = bundle.spec(args);
  const created = await bundle.create(args);
  created.process.start();
  const { pid } = created.process;
  try {
    for (let fd = 0; fd < 30; fd++) {
      const link = join(bundle.rootfs, `fd${fd}`);
      fs.symlinkSync(`/proc/self/fd/${fd}`, link);
      for (const cwd of [`/proc/self/fd/${fd}`, `/fd${fd}`, `/proc/1/fd/${fd}`, `/fd${fd}/../..`]) {
        const added = { ...spec.process!, args: ["/bin/ls"], cwd };
        await assert.rejects(bundle.exec({ pid, spec, process: added }), /working directory/, cwd);
      }
    }
  } finally {
    end(created);
    await bundle.destroy();
  }
  try {
    for (let fd = 0; fd < 30; fd++) {
      for (const cwd of [`/proc/self/fd/${fd}`, `/fd${fd}`, `/fd${fd}/made`]) {
        await assert.rejects(bundle.run(["/bin/ls"], { cwd }), /working directory/, cwd);
      }
    }
  } finally {
    fs.closeSync(host);
  }
});

test("CVE-2024-21626: a descriptor that a caller left open stays outside", here, async () => {
  await using oci = new OciRuntime();
  const before = "exec 7</ 8</sys/fs/cgroup";
  oci.configure(["/bin/ls", "/proc/self/fd"]);
  assert.equal((await oci.toEnd([], { before })).stdout, "0\n1\n2\n3\n");
  await oci.ok(["delete", oci.id]);
  for (const cwd of ["/proc/self/fd/7", "/proc/self/fd/8"]) {
    oci.configure(["/bin/ls"], { cwd });
    const { code, stderr } = await oci.call(["create", "--bundle", oci.dir, oci.id], { before });
    assert.equal(code, 1);
    assert.match(stderr, /working directory/);
  }
  oci.configure(["/bin/sleep", "60"]);
  await oci.create([], { before });
  await oci.start();
  for (const cwd of ["/proc/self/fd/7", "/proc/1/fd/7"]) {
    const { code, stdout } = await oci.call(["exec", "--cwd", cwd, oci.id, "ls"], { before });
    assert.notEqual(code, 0);
    assert.equal(stdout, "");
  }
  const list = ["exec", oci.id, "ls", "/proc/self/fd"];
  assert.equal(await oci.ok(list, { before }), "0\n1\n2\n3\n");
});
