/**
 * `ctr start`.
 *
 * @module
 */

import { control } from "../src/task/mod.ts";
import { define } from "./command.ts";
import { each } from "./each.ts";

export const command = define({
  name: "start",
  usage: "CONTAINER [CONTAINER...]",
  summary: "Start one or more stopped containers",
  args: [1, Infinity],
  flags: { "restarting": { type: "bool", hidden: true, help: "By its policy" } },
  missing: ["attach,a", "checkpoint", "checkpoint-dir", "detach-keys", "interactive,i"],
}, async (context, { args, flags }) => {
  const { startContainer } = await control();
  return await each(context, args, async (name) => {
    await startContainer(context.engine(), name, flags);
  });
});
