import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { AT, MS, O } from "../../src/linux/mod.ts";
import { inPlainRoot } from "../fixtures/attack.ts";
import { Bundle } from "../fixtures/bundle.ts";
import { bound, fakeProc, IS_SET, setParameter, writtenIn } from "../fixtures/fake_proc.ts";
import { needs } from "../fixtures/needs.ts";

// runc: an image that declares a volume on /proc got its own files mounted there, and the runtime
// wrote the process's AppArmor label to one of them, so that it ran without.

const here = needs("root", "cgroup", "file:/bin/busybox");

test("CVE-2019-16884: a mount over /proc catches what is written by path", here, async () => {
  await using bundle = new Bundle();
  const fake = join(bundle.rootfs, "volume");
  fakeProc(fake);
  inPlainRoot(bundle, ["/bin/true"], (p) => {
    p.step("mount", ["/volume", "/proc", 0, MS.MS_BIND, 0]);
    const fd = p.step("openat", [AT.AT_FDCWD, "/proc/self/attr/exec", O.O_WRONLY, 0]);
    p.step("write", [fd, "exec label", 10]);
  });
  assert.deepEqual(writtenIn(fake), ["self/attr/exec"]);
});

test("CVE-2019-16884: nothing is mounted on /proc, nor in it", here, async () => {
  await using bundle = new Bundle();
  const fake = join(bundle.dir, "volume");
  fakeProc(fake);
  for (const place of ["/proc", "/proc/", "//proc", "/./proc/.", "/x/../proc", "/../proc"]) {
    await assert.rejects(setParameter(bundle, [bound(fake, place)]), {
      code: "invalid_argument",
      message: /only a proc file system can be there/,
    }, place);
  }
  for (const place of ["/proc/self", "/proc/self/attr", "/proc//thread-self/", "/proc/sys/net"]) {
    await assert.rejects(setParameter(bundle, [bound(join(fake, "self"), place)]), {
      code: "invalid_argument",
      message: /inside \/proc, where nothing can be mounted/,
    }, place);
  }
  const tmpfs = { destination: "/proc", type: "tmpfs", source: "tmpfs" };
  await assert.rejects(setParameter(bundle, [tmpfs]), { code: "invalid_argument" });
  assert.deepEqual(writtenIn(fake), []);
});

test("CVE-2019-16884: a mount through a link of the image catches nothing", here, async () => {
  for (const [link, place] of [["/proc", ""], ["/proc/self", ""], ["/proc", "/self/attr"]]) {
    await using bundle = new Bundle();
    const fake = join(bundle.dir, "volume");
    fakeProc(fake);
    symlinkSync(link!, join(bundle.rootfs, "link"));
    const source = place === "" ? fake : join(fake, "self/attr");
    assert.deepEqual(await setParameter(bundle, [bound(source, `/link${place}`)]), IS_SET);
    assert.deepEqual(writtenIn(fake), []);
  }
});
