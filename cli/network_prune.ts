/**
 * `ctr network prune`.
 *
 * @module
 */

import { prune } from "../src/task/mod.ts";
import { define } from "./command.ts";
import { confirm, deletedList, PRUNE_FLAGS, pruneFilter } from "./prune.ts";

export const command = define({
  name: "network prune",
  usage: "[OPTIONS]",
  summary: "Remove all unused networks",
  args: [0, 0],
  flags: PRUNE_FLAGS,
}, async (context, { flags }) => {
  const matches = pruneFilter(flags.filter);
  const warning = "This will remove all custom networks not used by at least one container.";
  if (!flags.force && !confirm(context, warning)) return 0;
  const { pruneNetworks } = await prune();
  const removed = await pruneNetworks(context.engine(), matches);
  context.out(deletedList("Deleted Networks", removed));
  return 0;
});
