/**
 * `ctr-oci checkpoint`.
 *
 * @module
 */

import { checkpointContainer, findCriu, stateOf } from "../../src/lifecycle/mod.ts";
import { define } from "./command.ts";
import { CRIU_FLAGS, criuOptions, statusFd } from "./criu_flags.ts";

export const command = define({
  name: "checkpoint",
  usage: "[options] CONTAINER",
  summary: "Save a running container with CRIU",
  args: [1, 1],
  flags: {
    ...CRIU_FLAGS,
    "leave-running": { type: "bool", help: "Let it run on" },
    "page-server": { type: "string", help: "ADDRESS:PORT of the page server" },
    "parent-path": { type: "string", help: "Images of an earlier dump, as seen from --image-path" },
    "pre-dump": { type: "bool", help: "Dump the memory only and let it run on" },
    "status-fd": { type: "string", help: "The descriptor where criu says that it has lazy pages" },
  },
}, async ({ root, env }, { flags, args }) => {
  const id = args[0]!;
  stateOf({ root, id });
  const criu = await findCriu(env, { operation: "checkpoint", id });
  await checkpointContainer({
    ...criuOptions(flags),
    root,
    id,
    criu,
    leaveRunning: flags["leave-running"],
    preDump: flags["pre-dump"],
    parentPath: flags["parent-path"],
    pageServer: flags["page-server"],
    statusFd: statusFd(flags["status-fd"]),
  });
  return 0;
});
