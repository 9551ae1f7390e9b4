/**
 * `ctr history`.
 *
 * @module
 */

import type { HistoryStep } from "../src/image/mod.ts";
import { define } from "./command.ts";
import { type Columns, FORMAT_HELP, printRows, type Row } from "./format.ts";
import { humanDuration, humanSize } from "./humanize.ts";

export const command = define({
  name: "history",
  usage: "[OPTIONS] IMAGE",
  summary: "Show the history of an image",
  args: [1, 1],
  flags: {
    "format": { type: "string", help: FORMAT_HELP },
    "human": {
      type: "bool",
      short: "H",
      default: true,
      help: "Print sizes and dates in human readable format",
    },
    "no-trunc": { type: "bool", help: "Don't truncate output" },
    "platform": { type: "string", help: "Show history for the given platform" },
    "quiet": { type: "bool", short: "q", help: "Only show image IDs" },
  },
}, async (context, { flags, args }) => {
  const [name] = args as [string];
  const steps = await context.engine().images.history(name, { platform: flags.platform });
  const how = { whole: flags["no-trunc"], human: flags.human, now: Date.now() };
  const rows = steps.map((step) => historyRow(step, how));
  if (flags.quiet && [undefined, "table"].includes(flags.format)) {
    context.out(rows.map((row) => `${row["ID"]}\n`).join(""));
    return 0;
  }
  printRows(context, rows, {
    format: flags.format,
    columns: columns(flags.human),
    quiet: false,
  });
  return 0;
});

function columns(human: boolean): Columns {
  return {
    ID: "IMAGE",
    ...human ? { CreatedSince: "CREATED" } : { CreatedAt: "CREATED AT" },
    CreatedBy: "CREATED BY",
    Size: "SIZE",
    Comment: "COMMENT",
  };
}

/** A step with the fields that Docker's templates use. */
export function historyRow(
  { id, createdAt, createdBy, comment, size }: HistoryStep,
  { whole, human, now }: { readonly whole: boolean; readonly human: boolean; readonly now: number },
): Row {
  const line = createdBy.replaceAll("\t", " ");
  return {
    ID: id === undefined ? "<missing>" : whole ? id : id.replace(/^sha256:/, "").slice(0, 12),
    CreatedAt: createdAt === 0 ? "" : new Date(createdAt).toISOString().replace(/\.000Z$/, "Z"),
    CreatedSince: createdAt === 0 ? "N/A" : `${humanDuration(now - createdAt)} ago`,
    CreatedBy: whole || [...line].length <= 45 ? line : `${[...line].slice(0, 44).join("")}…`,
    Size: human ? humanSize(size) : String(size),
    Comment: comment,
  };
}
