/**
 * `ctr stop`.
 *
 * @module
 */

import { control } from "../src/task/mod.ts";
import type { Command } from "./command.ts";
import { each } from "./each.ts";
import { type Flags, parseFlags } from "./flags.ts";

const FLAGS = {
  "signal": { type: "string", short: "s", help: "Signal to send to the container" },
  "time": { type: "int", short: "t", help: "Seconds to wait before killing the container" },
  "timeout": { type: "int", help: "The same as --time" },
} as const satisfies Flags;

export const command: Command = {
  usage: "stop [OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Stop one or more running containers",
  flags: FLAGS,
  async run(context, argv) {
    const { flags, args } = parseFlags("stop", FLAGS, argv);
    const { stopContainer } = await control();
    const timeoutSec = flags.time ?? flags.timeout;
    const options = {
      ...timeoutSec === undefined ? {} : { timeoutSec },
      ...flags.signal === undefined ? {} : { signal: flags.signal },
    };
    return await each(
      context,
      "stop",
      args,
      (name) => stopContainer(context.engine(), name, options),
    );
  },
};
