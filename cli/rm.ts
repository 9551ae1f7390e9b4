/**
 * `ctr rm`.
 *
 * @module
 */

import { isNotFound } from "../src/errors.ts";
import { control } from "../src/task/mod.ts";
import type { Command } from "./command.ts";
import { each } from "./each.ts";
import { type Flags, parseFlags } from "./flags.ts";

const FLAGS = {
  "force": { type: "bool", short: "f", help: "Force the removal of a running container" },
} as const satisfies Flags;

export const command: Command = {
  usage: "rm [OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Remove one or more containers",
  flags: FLAGS,
  async run(context, argv) {
    const { flags, args } = parseFlags("rm", FLAGS, argv);
    const { removeContainer } = await control();
    const force = flags.force ?? false;
    return await each(context, "rm", args, async (name) => {
      try {
        await removeContainer(context.engine(), name, { force });
      } catch (error) {
        if (!force || !isNotFound(error)) throw error; // as in Docker: gone is what was asked for
      }
    });
  },
};
