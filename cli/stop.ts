/**
 * `ctr stop`.
 *
 * @module
 */

import { control } from "../src/task/mod.ts";
import { define } from "./command.ts";
import { each } from "./each.ts";
import type { Parsed } from "./flags.ts";

/** How a container is asked to end. */
export const STOP_FLAGS = {
  "signal": { type: "string", short: "s", help: "Signal to send to the container" },
  "time": { type: "int", hidden: true, help: "The same as --timeout" },
  "timeout": {
    type: "int",
    short: "t",
    help: "Seconds to wait before killing the container (-1 to wait for ever)",
  },
} as const;

/** What {@link STOP_FLAGS} say. */
export function stopOptions(
  { signal, time, timeout = time }: Parsed<typeof STOP_FLAGS>["flags"],
): { readonly timeoutSec?: number; readonly signal?: string } {
  return {
    ...timeout === undefined ? {} : { timeoutSec: timeout },
    ...signal === undefined ? {} : { signal },
  };
}

export const command = define({
  name: "stop",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Stop one or more running containers",
  args: [1, Infinity],
  flags: STOP_FLAGS,
}, async (context, { flags, args }) => {
  const { stopContainer } = await control();
  const options = stopOptions(flags);
  return await each(context, args, (name) => stopContainer(context.engine(), name, options));
});
