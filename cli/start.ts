/**
 * `ctr start`.
 *
 * @module
 */

import { control } from "../src/task/mod.ts";
import type { Command } from "./command.ts";
import { each } from "./each.ts";
import { type Flags, parseFlags } from "./flags.ts";

const FLAGS = {} as const satisfies Flags;

export const command: Command = {
  usage: "start CONTAINER [CONTAINER...]",
  summary: "Start one or more stopped containers",
  flags: FLAGS,
  async run(context, argv) {
    const { args } = parseFlags("start", FLAGS, argv);
    const { startContainer } = await control();
    return await each(context, "start", args, async (name) => {
      await startContainer(context.engine(), name);
    });
  },
};
