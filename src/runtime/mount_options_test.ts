import assert from "node:assert/strict";
import { test } from "node:test";
import { MS } from "../linux/mod.ts";
import { overlayData, parseMountOptions } from "./mount_options.ts";

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
  const own = (...options: string[]) => parseMountOptions(["bind", ...options]).changes[0];
  assert.deepEqual(own("ro", "nosuid"), { set: 3, clear: 0, propagation: 0, recursive: false });
  // A change of the access-time mode must clear the old one, or the kernel refuses.
  assert.deepEqual(own("noatime"), { set: 0x10, clear: 0x70, propagation: 0, recursive: false });
  assert.deepEqual(own("strictatime"), {
    set: 0x20,
    clear: 0x70,
    propagation: 0,
    recursive: false,
  });
  assert.deepEqual(own("relatime"), { set: 0, clear: 0x70, propagation: 0, recursive: false });
  assert.equal(own(), undefined);
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

test("parseMountOptions() refuses what it does not do", () => {
  assert.throws(() => parseMountOptions(["idmap"]), { code: "not_implemented" });
});

test("overlayData() joins and escapes lower directories", () => {
  assert.equal(
    overlayData(["lowerdir+=/a:b", "lowerdir+=/c,d", "upperdir=/u", "volatile"]),
    "lowerdir=/a\\:b:/c\\,d,upperdir=/u,volatile",
  );
});
