/**
 * `ctr-oci list`.
 *
 * @module
 */

import { type ContainerState, listContainers } from "../../src/lifecycle/mod.ts";
import { UsageError } from "../flags.ts";
import { define } from "./command.ts";

export const command = define({
  name: "list",
  usage: "[options]",
  summary: "List the containers",
  args: [0, 0],
  flags: {
    "format": { type: "string", short: "f", default: "table", help: "table or json" },
    "quiet": { type: "bool", short: "q", help: "Print the ids only" },
  },
}, async ({ root, out }, { flags }) => {
  const { format, quiet } = flags;
  if (format !== "table" && format !== "json") {
    throw new UsageError({ command: "list", reason: "invalid format option", exitCode: 1 });
  }
  const containers = listContainers(root);
  if (quiet) out(containers.map(({ id }) => `${id}\n`).join(""));
  else if (format === "json") out(`${JSON.stringify(containers)}\n`);
  else out(table(containers));
  return 0;
});

function table(containers: readonly ContainerState[]): string {
  const rows = [
    ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"],
    ...containers.map((
      { id, pid, status, bundle, created, owner },
    ) => [id, String(pid), status, bundle, created, owner]),
  ];
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  return rows.map((row) =>
    `${row.map((cell, at) => cell.padEnd(widths[at]! + 3)).join("").trimEnd()}\n`
  ).join("");
}
