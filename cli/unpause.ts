/**
 * `ctr unpause`.
 *
 * @module
 */

import { control } from "../src/task/mod.ts";
import type { Command } from "./command.ts";
import { each } from "./each.ts";
import { type Flags, parseFlags } from "./flags.ts";

const FLAGS = {} as const satisfies Flags;

export const command: Command = {
  usage: "unpause CONTAINER [CONTAINER...]",
  summary: "Unpause all processes within one or more containers",
  flags: FLAGS,
  async run(context, argv) {
    const { args } = parseFlags("unpause", FLAGS, argv);
    const { pauseContainer } = await control();
    return await each(
      context,
      "unpause",
      args,
      (name) => pauseContainer(context.engine(), name, false),
    );
  },
};
