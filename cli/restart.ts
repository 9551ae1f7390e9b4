/**
 * `ctr restart`.
 *
 * @module
 */

import { control } from "../src/task/mod.ts";
import { define } from "./command.ts";
import { each } from "./each.ts";
import { STOP_FLAGS, stopOptions } from "./stop.ts";

export const command = define({
  name: "restart",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Restart one or more containers",
  args: [1, Infinity],
  flags: STOP_FLAGS,
}, async (context, { flags, args }) => {
  const { restartContainer } = await control();
  const options = stopOptions(flags);
  return await each(context, args, async (name) => {
    await restartContainer(context.engine(), name, options);
  });
});
