/**
 * A container in a list, with the fields that Docker's templates use.
 *
 * @module
 */

import type { ContainerSummary } from "../src/task/mod.ts";
import { printable } from "./failure.ts";
import { humanDuration, humanMoment } from "./humanize.ts";
import type { Columns, Row } from "./format.ts";

/** The columns of `ps`. */
export const PS_COLUMNS: Columns = {
  ID: "CONTAINER ID",
  Image: "IMAGE",
  Command: "COMMAND",
  RunningFor: "CREATED",
  Status: "STATUS",
  Ports: "PORTS",
  Names: "NAMES",
};

/** One line of `ps`. */
export function containerRow(
  { record, state, status, ports }: ContainerSummary,
  { whole, now }: { readonly whole: boolean; readonly now: number },
): Row {
  const { config, hostConfig } = record;
  const words = [...config.entrypoint, ...config.cmd].join(" ");
  const shown = whole || words.length <= 20 ? words : `${words.slice(0, 19)}…`;
  return {
    Command: printable(JSON.stringify(shown)),
    CreatedAt: humanMoment(record.createdAt),
    ID: whole ? record.id : record.id.slice(0, 12),
    Image: record.image,
    Labels: Object.entries(config.labels).map(([key, value]) => `${key}=${value}`).join(","),
    LocalVolumes: "0",
    Mounts: hostConfig.binds.filter(({ type }) => type === "bind")
      .map(({ source }) => whole || source.length <= 15 ? source : `${source.slice(0, 14)}…`)
      .join(","),
    Names: record.name,
    Networks: hostConfig.networks?.map(({ network }) => network).join(",") ??
      hostConfig.networkMode,
    Platform: record.platform,
    Ports: ports,
    RunningFor: `${humanDuration(now - record.createdAt)} ago`,
    State: status,
    Status: statusText({ state, status }, now),
    Label: (name: unknown) => config.labels[String(name)] ?? "",
  };
}

/** `Exited (0) 3 minutes ago`. */
export function statusText(
  { state, status }: Pick<ContainerSummary, "state" | "status">,
  now: number,
): string {
  switch (status) {
    case "created":
      return "Created";
    case "exited":
      return `Exited (${state.exitCode}) ${humanDuration(now - state.finishedAt)} ago`;
    case "restarting":
      return `Restarting (${state.exitCode}) ${humanDuration(now - state.finishedAt)} ago`;
    case "paused":
      return `Up ${humanDuration(now - state.startedAt)} (Paused)`;
    case "running":
      return `Up ${humanDuration(now - state.startedAt)}`;
  }
}
