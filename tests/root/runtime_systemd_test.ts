/**
 * Containers as units of a real systemd.
 *
 * @module
 */

import { test } from "node:test";
import { besideSystemd, SYSTEMD, VARIANTS } from "../fixtures/beside_systemd.ts";

for (const cgroups of VARIANTS) {
  test(`a container is a unit of systemd, with the cgroups of ${cgroups}`, SYSTEMD, () => {
    return besideSystemd("systemd_program.ts", cgroups);
  });
}

test("a user's container is a unit of the user's own systemd", SYSTEMD, () => {
  return besideSystemd("systemd_user_program.ts", VARIANTS.at(-1)!, { user: true });
});
