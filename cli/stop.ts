/**
 * `ctr stop`.
 *
 * @module
 */

import { control } from "../src/task/mod.ts";
import { define } from "./command.ts";
import { each } from "./each.ts";

export const command = define({
  name: "stop",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Stop one or more running containers",
  args: [1, Infinity],
  flags: {
    "signal": { type: "string", short: "s", help: "Signal to send to the container" },
    "time": { type: "int", hidden: true, help: "The same as --timeout" },
    "timeout": {
      type: "int",
      short: "t",
      help: "Seconds to wait before killing the container (-1 to wait for ever)",
    },
  },
}, async (context, { flags, args }) => {
  const { stopContainer } = await control();
  const timeoutSec = flags.timeout ?? flags.time;
  const options = {
    ...timeoutSec === undefined ? {} : { timeoutSec },
    ...flags.signal === undefined ? {} : { signal: flags.signal },
  };
  return await each(context, args, (name) => stopContainer(context.engine(), name, options));
});
