/**
 * `ctr tag`.
 *
 * @module
 */

import { define } from "./command.ts";

export const command = define({
  name: "tag",
  usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
  summary: "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
  args: [2, 2],
  flags: {},
}, async (context, { args }) => {
  const [source, target] = args as [string, string];
  await context.engine().images.tag(source, target);
  return 0;
});
