/**
 * `ctr-oci run`.
 *
 * @module
 */

import { checkConsole, readBundle, runContainer } from "../../src/lifecycle/mod.ts";
import { leaveMemoryBehind } from "../../src/program/mod.ts";
import { define } from "./command.ts";
import { LAUNCH_FLAGS, launchOptions } from "./launch_flags.ts";

export const command = define({
  name: "run",
  usage: "[options] CONTAINER",
  summary: "Create a container, start it, and wait for its end",
  args: [1, 1],
  flags: {
    ...LAUNCH_FLAGS,
    "detach": { type: "bool", short: "d", help: "Do not wait for its end" },
    "keep": { type: "bool", help: "Do not delete the container when it has ended" },
    "no-subreaper": { type: "bool", help: "Do not adopt the container's orphans" },
  },
}, async (context, { flags, args }) => {
  const options = await launchOptions(context, flags, args[0]!);
  const read = readBundle(options.bundle);
  const { process } = read.spec;
  const terminal = process?.terminal === true;
  checkConsole({ terminal, detached: flags.detach, consoleSocket: options.consoleSocket });
  if (flags.detach) {
    await runContainer({ ...options, config: read });
    return 0;
  }
  const config = process !== undefined && terminal && process.consoleSize === undefined
    ? {
      ...read,
      spec: { ...read.spec, process: (await import("./terminal_size.ts")).sized(process) },
    }
    : read;
  const front = (await import("./foreground.ts")).foreground({ terminal });
  const container = await runContainer({ ...options, config });
  const exitCode = await front.wait(container.process);
  if (!flags.keep) await container.delete();
  leaveMemoryBehind();
  return exitCode;
});
