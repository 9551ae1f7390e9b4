/**
 * `ctr-oci --systemd-cgroup` with a real systemd.
 *
 * @module
 */

import { test } from "node:test";
import { besideSystemd, SYSTEMD, VARIANTS } from "../fixtures/beside_systemd.ts";

for (const cgroups of VARIANTS) {
  test(`later commands know of a container's unit, with the cgroups of ${cgroups}`, SYSTEMD, () => {
    return besideSystemd("systemd_oci_program.ts", cgroups);
  });
}
