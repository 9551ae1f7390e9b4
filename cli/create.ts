/**
 * `ctr create`.
 *
 * @module
 */

import { writeFile } from "../src/program/mod.ts";
import { createContainer } from "../src/task/mod.ts";
import type { Command } from "./command.ts";
import {
  checkCidFile,
  CONTAINER_FLAGS,
  containerOptions,
  parseContainerFlags,
} from "./run_flags.ts";

export const command: Command = {
  usage: "create [OPTIONS] IMAGE [COMMAND] [ARG...]",
  summary: "Create a new container",
  flags: CONTAINER_FLAGS,
  async run(context, argv) {
    const parsed = parseContainerFlags("create", CONTAINER_FLAGS, argv);
    checkCidFile(parsed.flags.cidfile);
    const { record } = await createContainer(context.engine(), containerOptions(parsed, context));
    if (parsed.flags.cidfile !== undefined) writeFile(parsed.flags.cidfile, record.id, 0o644);
    context.out(`${record.id}\n`);
    return 0;
  },
};
