/**
 * `ctr images`.
 *
 * @module
 */

import { define } from "./command.ts";
import { FORMAT_HELP, printRows } from "./format.ts";
import { IMAGE_COLUMNS, imageFilter, imageRows, namesMatch } from "./image_rows.ts";

export const command = define({
  name: "images",
  usage: "[OPTIONS] [REPOSITORY[:TAG]]",
  summary: "List images",
  args: [0, 1],
  flags: {
    // Docker hides what a build left in between; there is nothing of that kind here.
    "all": { type: "bool", short: "a", help: "Show all images" },
    "digests": { type: "bool", help: "Show digests" },
    "filter": {
      type: "list",
      short: "f",
      value: "filter",
      help: "Filter output based on conditions provided",
    },
    "format": { type: "string", help: FORMAT_HELP },
    "no-trunc": { type: "bool", help: "Don't truncate output" },
    "quiet": { type: "bool", short: "q", help: "Only show image IDs" },
  },
  missing: ["tree"],
}, async (context, { flags, args }) => {
  const images = await context.engine().images.list();
  const now = Date.now();
  const rows = images.filter(imageFilter(flags.filter, images))
    .flatMap((image) => imageRows(image, { whole: flags["no-trunc"], now }))
    .filter((row) => args.length === 0 || namesMatch(args[0]!, row));
  const { Digest, ...withoutDigest } = IMAGE_COLUMNS;
  printRows(context, rows, {
    format: flags.format,
    columns: flags.digests ? { ...IMAGE_COLUMNS, Digest: Digest! } : withoutDigest,
    quiet: flags.quiet,
  });
  return 0;
});
