/**
 * `ctr-oci restore`.
 *
 * @module
 */

import { findCriu, restoreContainer } from "../../src/lifecycle/mod.ts";
import { define } from "./command.ts";
import { CRIU_FLAGS, criuOptions } from "./criu_flags.ts";
import { LAUNCH_FLAGS, launchOptions } from "./launch_flags.ts";

export const command = define({
  name: "restore",
  usage: "[options] CONTAINER",
  summary: "Bring back a container that was saved",
  args: [1, 1],
  flags: {
    ...LAUNCH_FLAGS,
    ...CRIU_FLAGS,
    "detach": { type: "bool", short: "d", help: "Do not wait for its end" },
    "lsm-profile": { type: "string", help: "TYPE:NAME of the LSM profile" },
    "lsm-mount-context": { type: "string", help: "The LSM context of mounts" },
    "no-subreaper": { type: "bool", hidden: true, help: "Obsolete" },
    "parent-path": { type: "string", hidden: true, help: "The images know it" },
    "page-server": { type: "string", hidden: true, help: "For checkpoint" },
    "status-fd": { type: "string", hidden: true, help: "For checkpoint" },
  },
}, async (context, { flags, args }) => {
  const id = args[0]!;
  const criu = await findCriu(context.env, { operation: "restore", id });
  const options = {
    ...await launchOptions(context, flags, id),
    ...criuOptions(flags),
    criu,
    adopt: !flags.detach,
    lsmProfile: flags["lsm-profile"],
    lsmMountContext: flags["lsm-mount-context"],
  };
  if (flags.detach) {
    await restoreContainer(options);
    return 0;
  }
  const front = (await import("./foreground.ts")).foreground({ terminal: false });
  const container = await restoreContainer(options);
  const exitCode = await front.wait(container.process);
  await container.delete();
  return exitCode;
});
