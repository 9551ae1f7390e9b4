/**
 * `ctr network prune`.
 *
 * @module
 */

import { DEFAULT_NETWORK } from "../src/network/mod.ts";
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
  const engine = context.engine();
  const networks = await engine.networks();
  const used = new Set(
    engine.state.containers.list().flatMap(({ hostConfig }) =>
      (hostConfig.networks ?? []).map(({ network }) =>
        networks.list().find(({ id, name }) => name === network || id.startsWith(network))?.id
      )
    ),
  );
  const removed: string[] = [];
  for (const network of networks.list()) {
    if (network.name === DEFAULT_NETWORK || used.has(network.id) || !matches(network)) continue;
    await networks.remove(network);
    removed.push(network.name);
  }
  context.out(deletedList("Deleted Networks", removed));
  return 0;
});
