/**
 * `ctr export`.
 *
 * @module
 */

import { archive } from "../src/task/mod.ts";
import { writeArchive } from "./archive_file.ts";
import { define } from "./command.ts";

export const command = define({
  name: "export",
  usage: "[OPTIONS] CONTAINER",
  summary: "Export a container's filesystem as a tar archive",
  args: [1, 1],
  flags: {
    "output": { type: "string", short: "o", help: "Write to a file, instead of STDOUT" },
  },
}, async (context, { flags, args }) => {
  const [name] = args as [string];
  const { exportContainer } = await archive();
  const files = exportContainer(context.engine(), name);
  await writeArchive(context, { verb: "export", path: flags.output }, files);
  return 0;
});
