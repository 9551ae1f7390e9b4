/**
 * `ctr-oci restore`.
 *
 * @module
 */

import { CRIU_FLAGS, noCriu } from "./checkpoint.ts";
import { define } from "./command.ts";
import { LAUNCH_FLAGS } from "./launch_flags.ts";

export const command = define({
  name: "restore",
  usage: "[options] CONTAINER",
  summary: "Restore a container that was saved",
  args: [1, 1],
  flags: {
    ...LAUNCH_FLAGS,
    ...CRIU_FLAGS,
    "detach": { type: "bool", short: "d", help: "Do not wait for its end" },
    "no-subreaper": { type: "bool", hidden: true, help: "Obsolete" },
  },
}, async () => {
  throw noCriu("restore");
});
