/**
 * `ctr-oci state`.
 *
 * @module
 */

import { stateOf } from "../../src/lifecycle/mod.ts";
import { define } from "./command.ts";

export const command = define({
  name: "state",
  usage: "CONTAINER",
  summary: "Print the state of a container",
  args: [1, 1],
  flags: {},
}, async ({ root, out }, { args }) => {
  out(`${JSON.stringify(stateOf({ root, id: args[0]! }), null, 2)}\n`);
  return 0;
});
