/**
 * `ctr create`.
 *
 * @module
 */

import { writeFile } from "../src/program/mod.ts";
import { createContainer } from "../src/task/mod.ts";
import { define } from "./command.ts";
import { containerOptions } from "./container_options.ts";
import { displayOn, pullProgress } from "./progress.ts";
import { CONTAINER_FLAGS, MISSING } from "./run_flags.ts";

export const command = define({
  name: "create",
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  summary: "Create a new container",
  flags: CONTAINER_FLAGS,
  missing: ["attach,a", ...MISSING],
  args: [1, Infinity],
  passthrough: true,
}, async (context, parsed) => {
  const { flags } = parsed;
  const { record } = await createContainer(context.engine(), {
    ...await containerOptions(parsed, context),
    ...flags.quiet ? {} : { onProgress: pullProgress(displayOn(2, context.err)) },
  });
  if (flags.cidfile !== undefined) writeFile(flags.cidfile, record.id, 0o644);
  context.out(`${record.id}\n`);
  return 0;
});
