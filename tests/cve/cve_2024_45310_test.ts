import assert from "node:assert/strict";
import { mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { OciMount, OciSpec } from "../../src/oci/mod.ts";
import { Bundle } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";
import { SharedVolume } from "../fixtures/shared_volume.ts";

// runc: what a mount needs to be mounted on was made by path, and, with a link made of a part of it
// meanwhile, on the host: empty files and directories.

const here = needs("root", "cgroup", "file:/bin/busybox");

const at = (directory: string): OciMount[] => [
  { destination: `${directory}/file`, source: "/etc/hostname", options: ["bind"] },
  { destination: `${directory}/new/deep/file`, source: "/etc/hostname", options: ["bind"] },
  { destination: `${directory}/made/deep`, type: "tmpfs", source: "tmpfs" },
];

/** What else is made at a path of the spec. */
const elsewhere = (directory: string) => (spec: OciSpec): OciSpec => ({
  ...spec,
  process: { ...spec.process!, cwd: `${directory}/cwd/deep` },
  linux: {
    ...spec.linux!,
    devices: [{ path: `${directory}/node/null`, type: "c", major: 1, minor: 3 }],
  },
});

test("CVE-2024-45310: nothing is made where a link of a volume leads", here, async () => {
  await using bundle = new Bundle();
  const volume = new SharedVolume(bundle);
  const hit = join(volume.path, "absolute/hit");
  mkdirSync(hit);
  assert.ok(!volume.hostIsUntouched, "by path it is");
  rmdirSync(hit);
  for (const link of ["absolute", "relative", "dotted"]) {
    const nothing = { onHost: [] };
    assert.deepEqual(await volume.setUp(at(`/volume/${link}`)), nothing);
    assert.deepEqual(await volume.setUp([], elsewhere(`/volume/${link}`)), nothing);
    assert.ok(volume.hostIsUntouched, link);
  }
});

test("CVE-2024-45310: nor where one is made meanwhile", here, async () => {
  await using bundle = new Bundle();
  const volume = new SharedVolume(bundle);
  using _ = volume.exchanging();
  for (let round = 0; round < 20; round++) {
    await volume.setUp(at("/volume/directory"));
    await volume.setUp([], elsewhere("/volume/directory"));
  }
  assert.ok(volume.hostIsUntouched);
  // As it is done by path.
  assert.ok(volume.hits((directory) => writeFileSync(join(directory, "hit"), ""), "hit"));
});
