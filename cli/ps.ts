/**
 * `ctr ps`.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";
import { type ContainerSummary, list } from "../src/task/mod.ts";
import type { Command } from "./command.ts";
import { type Flags, parseFlags } from "./flags.ts";
import { humanDuration, table } from "./humanize.ts";

const FLAGS = {
  "all": { type: "bool", short: "a", help: "Show all containers (default shows just running)" },
  "filter": {
    type: "list",
    short: "f",
    value: "filter",
    help: "Filter output based on conditions provided",
  },
  "format": { type: "string", help: 'Format output: "table", "json" or a Go template' },
  "last": { type: "int", short: "n", help: "Show n last created containers (includes all states)" },
  "latest": { type: "bool", short: "l", help: "Show the latest created container" },
  "no-trunc": { type: "bool", help: "Don't truncate output" },
  "quiet": { type: "bool", short: "q", help: "Only display container IDs" },
} as const satisfies Flags;

export const command: Command = {
  usage: "ps [OPTIONS]",
  summary: "List containers",
  flags: FLAGS,
  async run(context, argv) {
    const { flags } = parseFlags("ps", FLAGS, argv, { unsupported: ["--size", "-s"] });
    const { listContainers } = await list();
    const filters = flags.filter.map(parseFilter);
    const last = flags.latest ? 1 : flags.last ?? -1;
    const all = flags.all || last >= 0 ||
      filters.some(({ key }) => key === "status" || key === "exited");
    let found = (await listContainers(context.engine()))
      .filter(({ status }) => all || status === "running" || status === "paused")
      .filter((container) => filters.every((filter) => matches(container, filter)));
    if (last >= 0) found = found.slice(0, last);
    const rows = found.map((container) => row(container, flags["no-trunc"] ?? false));
    if (flags.quiet) context.out(rows.map(({ ID }) => `${ID}\n`).join(""));
    else if (flags.format === undefined || flags.format === "table") {
      const columns = ["ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"] as const;
      const header = ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"];
      context.out(table(header, rows.map((row) => columns.map((column) => row[column]))));
    } else {
      const { formatRows } = await import("./format.ts");
      context.out(formatRows(flags.format, rows));
    }
    return 0;
  },
};

/** A line's fields under the names that Docker's templates use. */
function row({ record, state, status }: ContainerSummary, whole: boolean) {
  const words = [...record.config.entrypoint, ...record.config.cmd].join(" ");
  const shown = whole || words.length <= 20 ? words : `${words.slice(0, 19)}…`;
  const now = Date.now();
  return {
    Command: `"${shown}"`,
    CreatedAt: new Date(record.createdAt).toISOString().replace("T", " ").replace(
      /\..*/,
      " +0000 UTC",
    ),
    ID: whole ? record.id : record.id.slice(0, 12),
    Image: record.image,
    Labels: Object.entries(record.config.labels).map(([key, value]) => `${key}=${value}`).join(","),
    Mounts: record.hostConfig.binds.map(({ source }) => source).join(","),
    Names: record.name,
    Networks: record.hostConfig.networkMode,
    Ports: "",
    RunningFor: `${humanDuration(now - record.createdAt)} ago`,
    State: status,
    Status: status === "created"
      ? "Created"
      : status === "exited"
      ? `Exited (${state.exitCode}) ${humanDuration(now - state.finishedAt)} ago`
      : `Up ${humanDuration(now - state.startedAt)}${status === "paused" ? " (Paused)" : ""}`,
  };
}

function parseFilter(text: string): { key: string; value: string } {
  const [key, value] = text.split(/=(.*)/s, 2) as [string, string?];
  if (
    value !== undefined && ["id", "name", "label", "status", "exited", "ancestor"].includes(key)
  ) {
    return { key, value };
  }
  throw new CtrError({
    code: "invalid_argument",
    operation: "use --filter",
    subject: text,
    reason: "filters are id, name, label, status, exited and ancestor, as KEY=VALUE",
  });
}

function matches(
  { record, state, status }: ContainerSummary,
  { key, value }: { key: string; value: string },
): boolean {
  switch (key) {
    case "id":
      return record.id.startsWith(value);
    case "name":
      return new RegExp(value).test(record.name);
    case "status":
      return status === value;
    case "exited":
      return status === "exited" && state.exitCode === Number(value);
    case "ancestor":
      return record.image === value || record.imageId.startsWith(value) ||
        record.imageId.startsWith(`sha256:${value}`);
    default: {
      const [name, wanted] = value.split(/=(.*)/s, 2) as [string, string?];
      const label = record.config.labels[name];
      return label !== undefined && (wanted === undefined || label === wanted);
    }
  }
}
