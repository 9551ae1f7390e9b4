/**
 * `ctr wait`.
 *
 * @module
 */

import { control } from "../src/task/mod.ts";
import { define } from "./command.ts";
import { each } from "./each.ts";

export const command = define({
  name: "wait",
  usage: "CONTAINER [CONTAINER...]",
  summary: "Block until one or more containers stop, then print their exit codes",
  args: [1, Infinity],
  flags: {},
}, async (context, { args }) => {
  const { waitContainer } = await control();
  return await each(
    context,
    args,
    async (name) => String(await waitContainer(context.engine(), name)),
  );
});
