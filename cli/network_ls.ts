/**
 * `ctr network ls`.
 *
 * @module
 */

import type { NetworkRecord } from "../src/state/mod.ts";
import { define } from "./command.ts";
import { filterBy, hasLabel, pattern } from "./filters.ts";
import { FORMAT_HELP, printRows } from "./format.ts";
import { NETWORK_COLUMNS, networkRow, withPredefined } from "./network_rows.ts";

export const command = define({
  name: "network ls",
  usage: "[OPTIONS]",
  summary: "List networks",
  args: [0, 0],
  flags: {
    "filter": {
      type: "list",
      short: "f",
      value: "filter",
      help: 'Provide filter values (e.g. "driver=bridge")',
    },
    "format": { type: "string", help: FORMAT_HELP },
    "no-trunc": { type: "bool", help: "Do not truncate the output" },
    "quiet": { type: "bool", short: "q", help: "Only display network IDs" },
  },
}, async (context, { flags }) => {
  const matches = filterBy<NetworkRecord>(flags.filter, {
    driver: ({ driver }, value) => driver === value,
    id: ({ id }, value) => pattern(value).test(id),
    label: ({ labels }, value) => hasLabel(labels, value),
    name: ({ name }, value) => pattern(value).test(name),
    scope: (_, value) => value === "local",
    type: ({ name }, value) => (value === "builtin") === ["bridge", "host", "none"].includes(name),
  });
  const networks = await context.engine().networks();
  const rows = withPredefined(networks.list()).filter(matches)
    .map((network) => networkRow(network, flags["no-trunc"]));
  printRows(context, rows, {
    format: flags.format,
    columns: NETWORK_COLUMNS,
    quiet: flags.quiet,
  });
  return 0;
});
