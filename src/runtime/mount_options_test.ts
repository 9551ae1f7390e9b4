import assert from "node:assert/strict";
import { test } from "node:test";
import { MS } from "../linux/mod.ts";
import { mountOptionNames, overlayData, parseMountOptions } from "./mount_options.ts";

test("parseMountOptions() sorts flags from what the file system reads", () => {
  const parsed = parseMountOptions(["nosuid", "noexec", "mode=755", "size=64k", "defaults"]);
  assert.equal(parsed.flags, MS.MS_NOSUID | MS.MS_NOEXEC);
  assert.deepEqual(parsed.data, ["mode=755", "size=64k"]);
  assert.deepEqual(parsed.changes, []);
});

test("parseMountOptions() lets the last word win", () => {
  assert.equal(parseMountOptions(["ro", "rw"]).flags, 0);
  assert.equal(parseMountOptions(["rw", "ro"]).flags, MS.MS_RDONLY);
  assert.equal(parseMountOptions(["nosuid", "suid", "noatime", "atime"]).flags, 0);
});

test("parseMountOptions() gives a bind mount its flags as attributes", () => {
  const own = (...options: string[]) =>
    parseMountOptions(["bind", ...options]).changes.map(({ set, clear, mayFail = false }) =>
      [set, clear, mayFail] as const
    );
  const [NODIRATIME, NOSYMFOLLOW] = [0x80, 0x200000];
  // What is not said goes, if the kernel allows it.
  assert.deepEqual(own("ro", "nosuid"), [[3, 12 | NOSYMFOLLOW, true], [3, 0, false]]);
  assert.deepEqual(own("rw"), [[0, 15 | NOSYMFOLLOW, true], [0, 1, false]]);
  assert.deepEqual(own("ro", "exec"), [[1, 14 | NOSYMFOLLOW, true], [1, 8, false]]);
  assert.deepEqual(own("remount", "ro"), [[1, 0, false]]);
  // A change of the access-time mode must clear the old one, or the kernel refuses.
  assert.deepEqual(own("noatime").at(-1), [0x10, 0x70, false]);
  assert.deepEqual(own("strictatime").at(-1), [0x20, 0x70, false]);
  assert.deepEqual(own("relatime").at(-1), [0, 0x70, false]);
  assert.deepEqual(own("atime").at(-1), [0, 0x70, false]);
  assert.deepEqual(own("nodiratime").at(-1), [NODIRATIME, 0, false]);
  assert.deepEqual(own("diratime").at(-1), [0, NODIRATIME, false]);
  assert.deepEqual(own("nosymfollow").at(-1), [NOSYMFOLLOW, 0, false]);
  assert.deepEqual(own("noexec", "exec").at(-1), [0, 8, false]);
  assert.deepEqual(own(), []);
});

test("parseMountOptions() knows propagation and recursive attributes", () => {
  const { changes } = parseMountOptions(["rbind", "rslave", "shared", "rro", "rnoexec"]);
  assert.deepEqual(changes, [
    { set: 0, clear: 0, propagation: MS.MS_SLAVE, recursive: true },
    { set: 0, clear: 0, propagation: MS.MS_SHARED, recursive: false },
    { set: 9, clear: 0, propagation: 0, recursive: true },
  ]);
  assert.deepEqual(parseMountOptions(["rro", "rrw"]).changes, [
    { set: 0, clear: 1, propagation: 0, recursive: true },
  ]);
});

test("overlayData() joins and escapes lower directories", () => {
  assert.equal(
    overlayData(["lowerdir+=/a:b", "lowerdir+=/c,d", "upperdir=/u", "volatile"]),
    "lowerdir=/a\\:b:/c\\,d,upperdir=/u,volatile",
  );
});

test("mountOptionNames() names each word once that no file system gets to see", () => {
  const names = mountOptionNames();
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(parseMountOptions(names).data, []);
  for (const name of ["rro", "runbindable", "nosymfollow", "ridmap", "tmpcopyup", "remount"]) {
    assert.ok(names.includes(name), name);
  }
});
