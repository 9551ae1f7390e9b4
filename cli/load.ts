/**
 * `ctr load`.
 *
 * @module
 */

import { familiarName } from "../src/image/mod.ts";
import { allPlatforms } from "./all_platforms.ts";
import { readArchiveFile } from "./archive_file.ts";
import { define } from "./command.ts";

export const command = define({
  name: "load",
  usage: "[OPTIONS]",
  summary: "Load images from a tar archive or STDIN",
  args: [0, 0],
  flags: {
    "all-platforms": {
      type: "bool",
      ours: true,
      help: "Fail unless the archive has all platforms of its images",
    },
    "input": { type: "string", short: "i", help: "Read from tar archive file, instead of STDIN" },
    "platform": { type: "string", help: "Load only the given platform" },
    // There is no output but the result: loading is over when it could be shown.
    "quiet": { type: "bool", short: "q", help: "Suppress the load output" },
  },
}, async (context, { flags }) => {
  const source = readArchiveFile("load", flags.input);
  const loaded = await context.engine().images.load(source, {
    platform: flags.platform,
    allPlatforms: allPlatforms("load", flags),
  });
  for (const { image, names } of loaded) {
    for (const name of names) context.out(`Loaded image: ${familiarName(name)}\n`);
    if (names.length === 0) context.out(`Loaded image ID: ${image.id}\n`);
  }
  return 0;
});
