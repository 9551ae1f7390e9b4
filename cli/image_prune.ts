/**
 * `ctr image prune`.
 *
 * @module
 */

import { housekeeping } from "../src/image/mod.ts";
import { define } from "./command.ts";
import { humanSize } from "./humanize.ts";
import { confirm, deletedList, PRUNE_FLAGS, pruneFilter } from "./prune.ts";

export const command = define({
  name: "image prune",
  usage: "[OPTIONS]",
  summary: "Remove unused images",
  args: [0, 0],
  flags: {
    "all": { type: "bool", short: "a", help: "Remove all unused images, not just dangling ones" },
    ...PRUNE_FLAGS,
  },
}, async (context, { flags: { all, filter, force } }) => {
  const matches = pruneFilter(filter);
  const what = all
    ? "all images without at least one container associated to them"
    : "all dangling images";
  if (!force && !confirm(context, `This will remove ${what}.`)) return 0;
  const { pruneImages } = await housekeeping();
  const { removals, bytes } = await pruneImages(context.engine(), { all, matches });
  const lines = removals.map((one) =>
    "untagged" in one ? `untagged: ${one.untagged}` : `deleted: ${one.deleted}`
  );
  context.out(
    `${deletedList("Deleted Images", lines)}Total reclaimed space: ${humanSize(bytes)}\n`,
  );
  return 0;
});
