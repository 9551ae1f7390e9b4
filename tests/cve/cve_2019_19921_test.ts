import assert from "node:assert/strict";
import { mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Bundle } from "../fixtures/bundle.ts";
import { bound, fakeProc, IS_SET, setParameter, writtenIn } from "../fixtures/fake_proc.ts";
import { needs } from "../fixtures/needs.ts";

// runc: with /proc of an image a link into a volume, procfs was mounted where another container could
// put something else, and labels were written to what that had put there.

const here = needs("root", "cgroup", "file:/bin/busybox");

test("CVE-2019-19921: procfs and sysfs are mounted on no link of the image", here, async () => {
  await using bundle = new Bundle();
  const volume = join(bundle.dir, "volume");
  fakeProc(join(volume, "proc"));
  mkdirSync(join(volume, "sys"));
  const shared = bound(volume, "/volume");
  for (const name of ["proc", "sys"]) {
    const at = join(bundle.rootfs, name);
    for (const to of [`/volume/${name}`, `volume/${name}`, `/../volume/${name}`, "/not/there"]) {
      symlinkSync(to, at);
      // Whichever comes first.
      for (const first of [true, false]) {
        await assert.rejects(
          setParameter(bundle, first ? [] : [shared], (spec) => ({
            ...spec,
            mounts: first ? [shared, ...spec.mounts!] : spec.mounts!,
          })),
          new RegExp(`cannot open target "/${name}"`),
        );
      }
      rmSync(at);
    }
    mkdirSync(at);
  }
  assert.deepEqual(writtenIn(join(volume, "proc")), []);
  assert.deepEqual(readdirSync(join(volume, "sys")), []);
  assert.deepEqual(await setParameter(bundle, [shared]), IS_SET);
});
