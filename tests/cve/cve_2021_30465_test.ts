import assert from "node:assert/strict";
import { realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { OciMount } from "../../src/oci/mod.ts";
import { Bundle } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";
import { SharedVolume } from "../fixtures/shared_volume.ts";

// runc: between the look at a mount's destination and the mount, another container that has the same
// volume made a link of a part of it, and something was mounted on the host's tree, from where the
// next mount took it into the container.

const here = needs("root", "cgroup", "file:/bin/busybox");

const at = (destination: string): OciMount[] => [
  { destination: `${destination}/exists`, type: "tmpfs", source: "tmpfs" },
  { destination: `${destination}/deep/er`, source: "/etc", options: ["rbind", "ro"] },
  { destination: `${destination}`, type: "tmpfs", source: "tmpfs" },
];

test("CVE-2021-30465: no link in a volume leads a mount out of the container", here, async () => {
  await using bundle = new Bundle();
  const volume = new SharedVolume(bundle);
  for (const link of ["absolute", "relative", "dotted"]) {
    assert.deepEqual(await volume.setUp(at(`/volume/${link}`)), { onHost: [] }, link);
  }
  // By path it does.
  assert.equal(realpathSync(join(volume.path, "absolute")), volume.host);
  assert.ok(volume.hostIsUntouched);
});

test("CVE-2021-30465: nor does one that is made meanwhile", here, async () => {
  await using bundle = new Bundle();
  const volume = new SharedVolume(bundle);
  using _ = volume.exchanging();
  assert.ok(
    volume.hits((directory) => writeFileSync(join(directory, "exists/hit"), ""), "exists/hit"),
  );
  let done = 0;
  for (let round = 0; round < 30; round++) {
    const { onHost, refused } = await volume.setUp(at("/volume/directory"));
    assert.deepEqual(onHost, []);
    if (refused === undefined) done++;
  }
  assert.ok(done > 0, "some were set up");
});
