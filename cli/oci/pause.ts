/**
 * `ctr-oci pause`.
 *
 * @module
 */

import { pauseContainer } from "../../src/lifecycle/mod.ts";
import { define } from "./command.ts";

export const command = define({
  name: "pause",
  usage: "CONTAINER",
  summary: "Stop all processes of a container",
  args: [1, 1],
  flags: {},
}, async ({ root }, { args }) => {
  await pauseContainer({ root, id: args[0]! });
  return 0;
});
