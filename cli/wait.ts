/**
 * `ctr wait`.
 *
 * @module
 */

import { control } from "../src/task/mod.ts";
import type { Command } from "./command.ts";
import { each } from "./each.ts";
import { type Flags, parseFlags } from "./flags.ts";

const FLAGS = {} as const satisfies Flags;

export const command: Command = {
  usage: "wait CONTAINER [CONTAINER...]",
  summary: "Block until one or more containers stop, then print their exit codes",
  flags: FLAGS,
  async run(context, argv) {
    const { args } = parseFlags("wait", FLAGS, argv);
    const { waitContainer } = await control();
    return await each(
      context,
      "wait",
      args,
      async (name) => String(await waitContainer(context.engine(), name)),
    );
  },
};
