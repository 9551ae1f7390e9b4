import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { AT, O } from "../../src/linux/mod.ts";
import { inPlainRoot } from "../fixtures/attack.ts";
import { Bundle } from "../fixtures/bundle.ts";
import { fakeProc, IS_SET, setParameter, writtenIn } from "../fixtures/fake_proc.ts";
import { needs } from "../fixtures/needs.ts";

// runc: with /proc of the image a link to another directory of it, AppArmor's and SELinux's labels
// were written to files of the image.

const here = needs("root", "cgroup", "file:/bin/busybox");

test("CVE-2023-28642: a link at /proc catches what is written by path", here, async () => {
  await using bundle = new Bundle();
  fakeProc(join(bundle.rootfs, "fake"));
  inPlainRoot(bundle, ["/bin/true"], (p) => {
    p.step("umount2", ["/proc", 0]);
    p.step("unlinkat", [AT.AT_FDCWD, "/proc", AT.AT_REMOVEDIR]);
    p.step("symlinkat", ["fake", AT.AT_FDCWD, "/proc"]);
    const fd = p.step("openat", [AT.AT_FDCWD, "/proc/self/attr/exec", O.O_WRONLY, 0]);
    p.step("write", [fd, "exec label", 10]);
  });
  assert.deepEqual(writtenIn(join(bundle.rootfs, "fake")), ["self/attr/exec"]);
});

test("CVE-2023-28642: what the image has at /proc is never written to", here, async () => {
  for (const to of ["fake", "/fake", "./fake/.", "/root/../fake"]) {
    await using bundle = new Bundle();
    const fake = join(bundle.rootfs, "fake");
    fakeProc(fake);
    symlinkSync(to, join(bundle.rootfs, "proc"));
    await assert.rejects(setParameter(bundle, []), /cannot open target "\/proc"/);
    // And where procfs is mounted elsewhere only.
    const without = await setParameter(bundle, [], (spec) => ({
      ...spec,
      mounts: spec.mounts!.filter(({ destination }) => destination !== "/proc"),
    }));
    assert.deepEqual(without, IS_SET);
    assert.deepEqual(writtenIn(fake), []);
  }
});
