/**
 * `ctr rm`.
 *
 * @module
 */

import { isNotFound } from "../src/errors.ts";
import { control } from "../src/task/mod.ts";
import { define } from "./command.ts";
import { each } from "./each.ts";

export const command = define({
  name: "rm",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Remove one or more containers",
  args: [1, Infinity],
  flags: {
    "force": {
      type: "bool",
      short: "f",
      help: "Force the removal of a running container (uses SIGKILL)",
    },
    // Containers cannot have any yet, so there is none to remove.
    "volumes": {
      type: "bool",
      short: "v",
      help: "Remove anonymous volumes associated with the container",
    },
  },
  missing: ["link,l"],
}, async (context, { flags: { force }, args }) => {
  const { removeContainer } = await control();
  return await each(context, args, async (name) => {
    try {
      await removeContainer(context.engine(), name, { force });
    } catch (error) {
      if (!force || !isNotFound(error)) throw error; // as in Docker: gone is what was asked for
    }
  });
});
