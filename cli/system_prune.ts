/**
 * `ctr system prune`.
 *
 * @module
 */

import { housekeeping } from "../src/image/mod.ts";
import { prune } from "../src/task/mod.ts";
import { define } from "./command.ts";
import { humanSize } from "./humanize.ts";
import { confirm, deletedList, PRUNE_FLAGS, pruneFilter } from "./prune.ts";

export const command = define({
  name: "system prune",
  usage: "[OPTIONS]",
  summary: "Remove unused data",
  args: [0, 0],
  flags: {
    "all": { type: "bool", short: "a", help: "Remove all unused images, not just dangling ones" },
    ...PRUNE_FLAGS,
  },
  missing: ["volumes"],
}, async (context, { flags: { all, filter, force } }) => {
  const matches = pruneFilter(filter);
  const images = all
    ? "all images without at least one container associated to them"
    : "all dangling images";
  const what = [
    "all stopped containers",
    "all networks not used by at least one container",
    images,
    "what interrupted commands left",
  ];
  const warning = `This will remove:\n${what.map((line) => `  - ${line}\n`).join("")}`;
  if (!force && !confirm(context, warning)) return 0;
  const engine = context.engine();
  const { pruneContainers, pruneNetworks } = await prune();
  const containers = await pruneContainers(
    engine,
    ({ record: { config, createdAt } }) => matches({ createdAt, labels: config.labels }),
  );
  const networks = await pruneNetworks(engine, matches);
  const { pruneImages } = await housekeeping();
  const { removals, bytes } = await pruneImages(engine, { all, matches });
  const lines = removals.map((one) =>
    "untagged" in one ? `untagged: ${one.untagged}` : `deleted: ${one.deleted}`
  );
  context.out(
    deletedList("Deleted Containers", containers.ids) + deletedList("Deleted Networks", networks) +
      deletedList("Deleted Images", lines) +
      `Total reclaimed space: ${humanSize(containers.bytes + bytes)}\n`,
  );
  return 0;
});
