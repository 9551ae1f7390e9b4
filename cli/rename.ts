/**
 * `ctr rename`.
 *
 * @module
 */

import { control } from "../src/task/mod.ts";
import { define } from "./command.ts";

export const command = define({
  name: "rename",
  usage: "CONTAINER NEW_NAME",
  summary: "Rename a container",
  args: [2, 2],
  flags: {},
}, async (context, { args }) => {
  const { renameContainer } = await control();
  renameContainer(context.engine(), args[0]!, args[1]!);
  return 0;
});
