/**
 * `ctr search`.
 *
 * @module
 */

import { define } from "./command.ts";
import { filterBy } from "./filters.ts";
import { UsageError } from "./flags.ts";
import { FORMAT_HELP, printRows } from "./format.ts";
import { printable } from "./failure.ts";

const MOST = 100;
const DESCRIPTION = 45;

export const command = define({
  name: "search",
  usage: "[OPTIONS] TERM",
  summary: "Search Docker Hub for images",
  args: [1, 1],
  flags: {
    "filter": {
      type: "list",
      short: "f",
      value: "filter",
      help: "Filter output based on conditions provided",
    },
    "format": { type: "string", help: FORMAT_HELP },
    "limit": { type: "int", help: "Max number of search results" },
    "no-trunc": { type: "bool", help: "Don't truncate output" },
  },
}, async (context, { flags, args }) => {
  const [term] = args as [string];
  const { limit } = flags;
  if (limit !== undefined && (limit < 1 || limit > MOST)) {
    const reason = `limit ${limit} is outside the range of [1, ${MOST}]`;
    throw new UsageError({ command: "search", reason, exitCode: 1 });
  }
  const { registryAccess, search } = await import("../src/pull/mod.ts");
  const wanted = filterBy<Awaited<ReturnType<typeof search>>[number]>(flags.filter, {
    "is-automated": ({ automated }, value) => String(automated) === value,
    "is-official": ({ official }, value) => String(official) === value,
    "stars": ({ stars }, value) => stars >= Number(value),
  });
  const found = await search(term, { ...registryAccess(context.env), limit });
  const rows = found.filter(wanted).map(({ name, description, stars, official, automated }) => {
    const line = printable(description.replace(/[\r\n\t]+/g, " "));
    return {
      Name: printable(name),
      Description: flags["no-trunc"] || line.length <= DESCRIPTION
        ? line
        : `${line.slice(0, DESCRIPTION - 1)}…`,
      StarCount: String(stars),
      IsOfficial: official ? "[OK]" : "",
      IsAutomated: automated ? "[OK]" : "",
    };
  });
  const columns = {
    Name: "NAME",
    Description: "DESCRIPTION",
    StarCount: "STARS",
    IsOfficial: "OFFICIAL",
  };
  printRows(context, rows, { format: flags.format, columns, quiet: false });
  return 0;
});
