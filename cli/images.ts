/**
 * `ctr images`.
 *
 * @module
 */

import type { ImageSummary } from "../src/image/mod.ts";
import type { Command } from "./command.ts";
import { type Flags, parseFlags } from "./flags.ts";
import { humanDuration, humanSize, table } from "./humanize.ts";

const FLAGS = {
  "digests": { type: "bool", help: "Show digests" },
  "format": { type: "string", help: 'Format output: "table", "json" or a Go template' },
  "no-trunc": { type: "bool", help: "Don't truncate output" },
  "quiet": { type: "bool", short: "q", help: "Only show image IDs" },
} as const satisfies Flags;

export const command: Command = {
  usage: "images [OPTIONS] [REPOSITORY[:TAG]]",
  summary: "List images",
  flags: FLAGS,
  async run(context, argv) {
    const { flags, args } = parseFlags("images", FLAGS, argv, {
      unsupported: ["--all", "-a", "--filter", "-f", "--tree"],
    });
    const images = await context.engine().images.list();
    const rows = images.flatMap((image) => rowsOf(image, flags["no-trunc"] ?? false))
      .filter(({ Repository, Tag }) =>
        args.length === 0 || args.includes(Repository) || args.includes(`${Repository}:${Tag}`)
      );
    if (flags.quiet) {
      context.out([...new Set(rows.map(({ ID }) => ID))].map((id) => `${id}\n`).join(""));
    } else if (flags.format === undefined || flags.format === "table") {
      const columns = flags.digests
        ? ["Repository", "Tag", "Digest", "ID", "CreatedSince", "Size"] as const
        : ["Repository", "Tag", "ID", "CreatedSince", "Size"] as const;
      const titles = { ID: "IMAGE ID", CreatedSince: "CREATED" } as Record<string, string>;
      context.out(table(
        columns.map((column) => titles[column] ?? column.toUpperCase()),
        rows.map((row) => columns.map((column) => row[column])),
      ));
    } else {
      const { formatRows } = await import("./format.ts");
      context.out(formatRows(flags.format, rows));
    }
    return 0;
  },
};

/** A line per tag, or one for an image that has none. */
function rowsOf(image: ImageSummary, whole: boolean) {
  const digest = image.repoDigests[0]?.split("@")[1] ?? "<none>";
  const common = {
    Digest: digest,
    ID: whole ? image.id : image.id.replace(/^sha256:/, "").slice(0, 12),
    CreatedAt: new Date(image.createdAt).toISOString(),
    CreatedSince: image.createdAt <= 0
      ? "N/A"
      : `${humanDuration(Date.now() - image.createdAt)} ago`,
    Size: humanSize(image.size),
  };
  const tags = image.repoTags.length > 0
    ? image.repoTags
    : [`${image.repoDigests[0]?.split("@")[0] ?? "<none>"}:<none>`];
  return tags.map((name) => {
    const colon = name.lastIndexOf(":");
    return { Repository: name.slice(0, colon), Tag: name.slice(colon + 1), ...common };
  });
}
