/**
 * `ctr images`.
 *
 * @module
 */

import { define } from "./command.ts";
import { UsageError } from "./flags.ts";
import { FORMAT_HELP, printRows } from "./format.ts";
import { imageFilter, namesMatch, referenceFilter } from "./image_filters.ts";
import { IMAGE_COLUMNS, imageRows } from "./image_rows.ts";

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
    "names": { type: "bool", ours: true, help: "Show names in place of repositories and tags" },
    "no-trunc": { type: "bool", help: "Don't truncate output" },
    "quiet": { type: "bool", short: "q", help: "Only show image IDs" },
    "tree": { type: "bool", help: "List multi-platform images as a tree" },
  },
}, async (context, { flags, args }) => {
  if (flags.tree) {
    for (const flag of ["digests", "names", "no-trunc", "quiet"] as const) {
      if (flags[flag]) throw notWithTree(flag);
    }
    if (flags.format !== undefined) throw notWithTree("format");
  }
  const { images, state } = context.engine();
  const all = await images.list();
  const now = Date.now();
  const found = all.filter(imageFilter(flags.filter, all, now));
  const matches = referenceFilter(flags.filter);
  const wanted = (row: { readonly Repository?: unknown; readonly Tag?: unknown }): boolean =>
    matches(row) && (args.length === 0 || namesMatch(args[0]!, row));
  if (flags.tree) {
    const { imageTree } = await import("./image_tree.ts");
    const used = new Set(state.containers.list().map(({ imageId }) => imageId));
    context.out(imageTree(found, { wanted, used }));
    return 0;
  }
  const rows = found.flatMap((image) => imageRows(image, { whole: flags["no-trunc"], now }))
    .filter(wanted);
  const { Digest, Repository, Tag, ...others } = IMAGE_COLUMNS as Record<string, string>;
  if (flags.quiet && [undefined, "table"].includes(flags.format)) {
    context.out(rows.map(({ ID }) => `${ID}\n`).join("")); // a line per tag, as in Docker
    return 0;
  }
  printRows(context, rows, {
    format: flags.format,
    columns: {
      ...flags.names ? { Name: "NAME" } : { Repository: Repository!, Tag: Tag! },
      ...flags.digests ? { Digest: Digest! } : {},
      ...others,
    },
    quiet: false,
  });
  return 0;
});

function notWithTree(flag: string): UsageError {
  return new UsageError({
    command: "images",
    reason: `--${flag} is not yet supported with --tree`,
    code: "not_implemented",
    exitCode: 1,
  });
}
