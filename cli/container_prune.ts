/**
 * `ctr container prune`.
 *
 * @module
 */

import { prune } from "../src/task/mod.ts";
import { define } from "./command.ts";
import { humanSize } from "./humanize.ts";
import { confirm, deletedList, PRUNE_FLAGS, pruneFilter } from "./prune.ts";

export const command = define({
  name: "container prune",
  usage: "[OPTIONS]",
  summary: "Remove all stopped containers",
  args: [0, 0],
  flags: PRUNE_FLAGS,
}, async (context, { flags }) => {
  const matches = pruneFilter(flags.filter);
  if (!flags.force && !confirm(context, "This will remove all stopped containers.")) return 0;
  const { pruneContainers } = await prune();
  const { ids, bytes } = await pruneContainers(
    context.engine(),
    ({ record: { config, createdAt } }) => matches({ createdAt, labels: config.labels }),
  );
  context.out(
    `${deletedList("Deleted Containers", ids)}Total reclaimed space: ${humanSize(bytes)}\n`,
  );
  return 0;
});
