/**
 * `ctr kill`.
 *
 * @module
 */

import { control } from "../src/task/mod.ts";
import { define } from "./command.ts";
import { each } from "./each.ts";

export const command = define({
  name: "kill",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Kill one or more running containers",
  args: [1, Infinity],
  flags: {
    "signal": {
      type: "string",
      short: "s",
      default: "SIGKILL",
      help: "Signal to send to the container",
    },
  },
}, async (context, { flags, args }) => {
  const { killContainer } = await control();
  return await each(context, args, (name) => killContainer(context.engine(), name, flags.signal));
});
