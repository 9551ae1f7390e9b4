/**
 * `ctr-oci ps`.
 *
 * @module
 */

import { CtrError } from "../../src/errors.ts";
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
  else out(await table(pids, options.length === 0 ? ["-ef"] : options));
  return 0;
});

/** What ps(1) says of them. */
async function table(pids: readonly number[], options: readonly string[]): Promise<string> {
  const { spawnSync } = await import("node:child_process");
  const { status, stdout, stderr } = spawnSync("ps", options, { encoding: "utf8" });
  if (status !== 0) {
    const reason = stderr?.trim() || "there is no program ps";
    throw new CtrError({ code: "failed_precondition", operation: "list processes", reason });
  }
  const [head = "", ...lines] = stdout.split("\n");
  const column = head.trim().split(/\s+/).indexOf("PID");
  if (column < 0) {
    const reason = "couldn't find PID field in ps output";
    throw new CtrError({ code: "invalid_argument", operation: "list processes", reason });
  }
  const theirs = lines.filter((line) => pids.includes(Number(line.trim().split(/\s+/)[column])));
  return [head, ...theirs, ""].join("\n");
}
