import assert from "node:assert/strict";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { exchanging } from "../fixtures/attack.ts";
import { Bundle } from "../fixtures/bundle.ts";
import { bound, fakeProc, setParameter, writtenIn } from "../fixtures/fake_proc.ts";
import { needs } from "../fixtures/needs.ts";

// runc: CVE-2019-19921 came back. /proc of the image is a link into a volume, and another container
// that has the volume lets the directory on the way change places with a link, again and again.

const here = needs("root", "cgroup", "file:/bin/busybox");

test("CVE-2023-27561: a volume that changes all the time gets no procfs", here, async () => {
  await using bundle = new Bundle();
  const evil = join(bundle.dir, "evil");
  fakeProc(join(evil, "level1/level2"));
  fakeProc(join(evil, "other/level2"));
  symlinkSync("other", join(evil, "level1~"));
  symlinkSync("/evil/level1~/level2", join(bundle.rootfs, "proc"));
  mkdirSync(join(bundle.rootfs, "sys"));
  {
    using _ = exchanging(bundle, join(evil, "level1"), join(evil, "level1~"));
    for (let round = 0; round < 20; round++) {
      await assert.rejects(
        setParameter(bundle, [], (spec) => ({
          ...spec,
          mounts: [bound(evil, "/evil"), ...spec.mounts!],
        })),
        /cannot open target "\/proc"/,
      );
    }
  }
  for (const name of ["level1", "level1~", "other"]) {
    assert.deepEqual(writtenIn(join(evil, name, "level2")), []);
  }
});
