/**
 * `ctr-oci --systemd-cgroup` with a real systemd.
 *
 * @module
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  besideSystemd,
  commandBesideSystemd,
  SYSTEMD,
  VARIANTS,
} from "../fixtures/beside_systemd.ts";
import { needs } from "../fixtures/needs.ts";
import { ROOT } from "../fixtures/source_scan.ts";

for (const cgroups of VARIANTS) {
  test(`later commands know of a container's unit, with the cgroups of ${cgroups}`, SYSTEMD, () => {
    return besideSystemd("systemd_oci_program.ts", cgroups);
  });
}

const PODMAN = SYSTEMD.skip ? SYSTEMD : needs("cmd:podman");

test("podman's containers are units that podman finds again", PODMAN, async () => {
  const work = mkdtempSync(join(tmpdir(), "ctr-systemd-podman-"));
  try {
    const script = join(ROOT, "tests/fixtures/systemd_podman.sh");
    await commandBesideSystemd([script, work], "host");
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
});
