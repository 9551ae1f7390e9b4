/**
 * `ctr-oci features`.
 *
 * @module
 */

import { runtimeFeatures } from "../../src/runtime/mod.ts";
import { define } from "./command.ts";

export const command = define({
  name: "features",
  usage: "",
  summary: "Print what this runtime can do",
  args: [0, 0],
  flags: {},
}, async ({ out }) => {
  out(`${JSON.stringify(await runtimeFeatures(), null, 2)}\n`);
  return 0;
});
