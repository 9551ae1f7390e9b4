/**
 * `ctr save`.
 *
 * @module
 */

import { allPlatforms } from "./all_platforms.ts";
import { writeArchive } from "./archive_file.ts";
import { define } from "./command.ts";

export const command = define({
  name: "save",
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  summary: "Save one or more images to a tar archive",
  args: [1, Infinity],
  flags: {
    "all-platforms": { type: "bool", ours: true, help: "Fail unless all platforms are here" },
    "output": { type: "string", short: "o", help: "Write to a file, instead of STDOUT" },
    "platform": { type: "string", help: "Save only the given platform" },
  },
}, async (context, { flags, args }) => {
  const archive = context.engine().images.save(args, {
    platform: flags.platform,
    allPlatforms: allPlatforms("save", flags),
  });
  await writeArchive(context, { verb: "save", path: flags.output }, archive);
  return 0;
});
