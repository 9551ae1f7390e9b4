/**
 * `ctr-oci start`.
 *
 * @module
 */

import { startContainer } from "../../src/lifecycle/mod.ts";
import { define } from "./command.ts";

export const command = define({
  name: "start",
  usage: "CONTAINER",
  summary: "Let the process of a created container go",
  args: [1, 1],
  flags: {},
}, async ({ root }, { args }) => {
  await startContainer({ root, id: args[0]! });
  return 0;
});
