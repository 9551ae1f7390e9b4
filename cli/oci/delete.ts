/**
 * `ctr-oci delete`.
 *
 * @module
 */

import { deleteContainer } from "../../src/lifecycle/mod.ts";
import { define } from "./command.ts";

export const command = define({
  name: "delete",
  usage: "[options] CONTAINER",
  summary: "Remove what a container leaves behind",
  args: [1, 1],
  flags: {
    "force": { type: "bool", short: "f", help: "Kill it first if it still runs" },
  },
}, async ({ root, warn }, { flags, args }) => {
  await deleteContainer({ root, id: args[0]! }, { force: flags.force, warn });
  return 0;
});
