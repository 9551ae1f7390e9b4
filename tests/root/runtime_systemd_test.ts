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

// Once is enough for who the user is; in the virtual machine it would take a while.
for (const user of VARIANTS.length > 1 ? [true, "mapped"] as const : [true]) {
  const who = user === true ? "a user" : "root of a user namespace";
  test(`the container of ${who} is a unit of the user's own systemd`, SYSTEMD, () => {
    return besideSystemd("systemd_user_program.ts", VARIANTS.at(-1)!, { user });
  });
}
