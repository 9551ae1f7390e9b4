/**
 * `ctr-oci resume`.
 *
 * @module
 */

import { resumeContainer } from "../../src/lifecycle/mod.ts";
import { define } from "./command.ts";

export const command = define({
  name: "resume",
  usage: "CONTAINER",
  summary: "Go on with all processes of a paused container",
  args: [1, 1],
  flags: {},
}, async ({ root }, { args }) => {
  await resumeContainer({ root, id: args[0]! });
  return 0;
});
