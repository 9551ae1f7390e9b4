/**
 * `ctr-oci ps`.
 *
 * @module
 */

import { processesOf } from "../../src/lifecycle/mod.ts";
import { UsageError } from "../flags.ts";
import { define } from "./command.ts";

export const command = define({
  name: "ps",
  usage: "[options] CONTAINER [ps options]",
  summary: "Show the processes of a container",
  args: [1, Infinity],
  flags: {
    "format": { type: "string", short: "f", default: "table", help: "table or json" },
  },
}, async ({ root, out }, { flags, args }) => {
  const [id, ...options] = args as [string, ...string[]];
  const { format } = flags;
  if (format !== "table" && format !== "json") {
    throw new UsageError({ command: "ps", reason: "invalid format option", exitCode: 1 });
  }
  const pids = await processesOf({ root, id });
  if (format === "json") out(`${JSON.stringify(pids)}\n`);
  else {
    const { listedBy } = await import("../processes.ts");
    out((await listedBy(options, pids)).map((line) => `${line}\n`).join(""));
  }
  return 0;
});
