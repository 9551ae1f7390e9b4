/**
 * `ctr ps`.
 *
 * @module
 */

import { list } from "../src/task/mod.ts";
import { define } from "./command.ts";
import { containerFilter, showsStopped } from "./container_filters.ts";
import { containerRow, PS_COLUMNS } from "./container_row.ts";
import { FORMAT_HELP, printRows } from "./format.ts";

export const command = define({
  name: "ps",
  usage: "[OPTIONS]",
  summary: "List containers",
  args: [0, 0],
  flags: {
    "all": { type: "bool", short: "a", help: "Show all containers (default shows just running)" },
    "filter": {
      type: "list",
      short: "f",
      value: "filter",
      help: "Filter output based on conditions provided",
    },
    "format": { type: "string", help: FORMAT_HELP },
    "last": {
      type: "int",
      short: "n",
      default: -1,
      help: "Show n last created containers (includes all states)",
    },
    "latest": {
      type: "bool",
      short: "l",
      help: "Show the latest created container (includes all states)",
    },
    "no-trunc": { type: "bool", help: "Don't truncate output" },
    "quiet": { type: "bool", short: "q", help: "Only display container IDs" },
  },
  missing: ["size,s"],
}, async (context, { flags }) => {
  const { listContainers } = await list();
  const last = flags.latest ? 1 : flags.last;
  const everything = flags.all || last > 0 || showsStopped(flags.filter);
  const containers = await listContainers(context.engine());
  const matches = containerFilter(flags.filter, containers);
  const found = containers
    .filter(({ status }) => everything || status === "running" || status === "paused")
    .filter(matches)
    .slice(0, last > 0 ? last : undefined);
  const now = Date.now();
  const rows = found.map((one) => containerRow(one, { whole: flags["no-trunc"], now }));
  printRows(context, rows, {
    format: flags.format,
    columns: PS_COLUMNS,
    quiet: flags.quiet,
  });
  return 0;
});
