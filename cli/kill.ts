/**
 * `ctr kill`.
 *
 * @module
 */

import { control } from "../src/task/mod.ts";
import type { Command } from "./command.ts";
import { each } from "./each.ts";
import { type Flags, parseFlags } from "./flags.ts";

const FLAGS = {
  "signal": { type: "string", short: "s", help: "Signal to send to the container" },
} as const satisfies Flags;

export const command: Command = {
  usage: "kill [OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Kill one or more running containers",
  flags: FLAGS,
  async run(context, argv) {
    const { flags, args } = parseFlags("kill", FLAGS, argv);
    const { killContainer } = await control();
    return await each(
      context,
      "kill",
      args,
      (name) => killContainer(context.engine(), name, flags.signal ?? "SIGKILL"),
    );
  },
};
