/**
 * `ctr pause`.
 *
 * @module
 */

import { control } from "../src/task/mod.ts";
import { define } from "./command.ts";
import { each } from "./each.ts";

export const command = define({
  name: "pause",
  usage: "CONTAINER [CONTAINER...]",
  summary: "Pause all processes within one or more containers",
  args: [1, Infinity],
  flags: {},
}, async (context, { args }) => {
  const { pauseContainer } = await control();
  return await each(context, args, (name) => pauseContainer(context.engine(), name, true));
});
