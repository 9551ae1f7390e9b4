/**
 * `ctr-oci create`.
 *
 * @module
 */

import { checkConsole, createContainer, readBundle } from "../../src/lifecycle/mod.ts";
import { leaveMemoryBehind } from "../../src/program/mod.ts";
import { define } from "./command.ts";
import { LAUNCH_FLAGS, launchOptions } from "./launch_flags.ts";

export const command = define({
  name: "create",
  usage: "[options] CONTAINER",
  summary: "Create a container whose process waits for start",
  args: [1, 1],
  flags: LAUNCH_FLAGS,
}, async (context, { flags, args }) => {
  const options = await launchOptions(context, flags, args[0]!);
  const config = readBundle(options.bundle);
  const terminal = config.spec.process?.terminal === true;
  checkConsole({ terminal, detached: true, consoleSocket: options.consoleSocket });
  await createContainer({ ...options, config });
  leaveMemoryBehind();
  return 0;
});
