/**
 * `ctr top`.
 *
 * @module
 */

import { control } from "../src/task/mod.ts";
import { define } from "./command.ts";
import { listedBy } from "./processes.ts";

export const command = define({
  name: "top",
  usage: "CONTAINER [ps OPTIONS]",
  summary: "Display the running processes of a container",
  args: [1, Infinity],
  passthrough: true,
  flags: {},
}, async (context, { args }) => {
  const [container, ...options] = args as [string, ...string[]];
  const { processesOf } = await control();
  const pids = await processesOf(context.engine(), container);
  const [head, ...lines] = await listedBy(options, pids);
  const count = head!.trim().split(/\s+/).length;
  const rows = [head!, ...lines].map((line) => cells(line, count));
  // Docker's columns: 20 wide, wider where that is too little.
  const widths = rows[0]!.map((_, at) =>
    Math.max(20, ...rows.map((row) => (row[at] ?? "").length + 3))
  );
  context.out(
    rows.map((row) =>
      row.map((cell, at) => at === count - 1 ? cell : cell.padEnd(widths[at]!)).join("") + "\n"
    ).join(""),
  );
  return 0;
});

/** The last column may have spaces in it. */
function cells(line: string, count: number): string[] {
  const words = line.trim().split(/\s+/);
  return [...words.slice(0, count - 1), words.slice(count - 1).join(" ")];
}
