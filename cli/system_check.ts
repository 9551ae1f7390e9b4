/**
 * `ctr system check`.
 *
 * @module
 */

import { type Finding, storeCheck, type StoreReport } from "../src/task/mod.ts";
import { define } from "./command.ts";
import { printable } from "./failure.ts";
import { UsageError } from "./flags.ts";
import { humanSize } from "./humanize.ts";

export const command = define({
  name: "system check",
  usage: "[OPTIONS]",
  summary: "Compare images, snapshots and containers with what is on disk",
  args: [0, 0],
  flags: {
    "digests": { type: "bool", ours: true, help: "Read every blob and compare its digest" },
    "format": { type: "string", ours: true, help: 'Format output: "json"' },
  },
}, async (context, { flags: { digests, format } }) => {
  if (format !== undefined && format !== "json") {
    throw new UsageError({ command: "system check", reason: `--format ${format} is not "json"` });
  }
  const { checkStore } = await storeCheck();
  const report = await checkStore(context.engine(), { digests });
  context.out(format === "json" ? `${JSON.stringify(report)}\n` : reportText(report));
  return report.findings.some(({ kind }) => kind === "lost") ? 1 : 0;
});

/** What a person reads: what is lost, what is left over, and what to do about it. */
export function reportText(report: StoreReport): string {
  const { images, blobs, bytes, snapshots, containers, findings } = report;
  const line = ({ subject, reason, bytes }: Finding): string =>
    `  ${printable(subject)}: ${printable(reason)}${
      bytes === undefined ? "" : ` (${humanSize(bytes)})`
    }\n`;
  const [lost, left] = (["lost", "left"] as const).map((kind) =>
    findings.filter((finding) => finding.kind === kind)
  ) as [Finding[], Finding[]];
  const part = (heading: string, some: readonly Finding[], hint: string): string =>
    some.length === 0 ? "" : `\n${heading}:\n${some.map(line).join("")}${hint}\n`;
  const all = [
    many(images, "image"),
    `${many(blobs, "blob")} (${humanSize(bytes)})`,
    many(snapshots, "snapshot"),
    many(containers, "container"),
  ];
  return `Checked ${all.slice(0, -1).join(", ")} and ${all.at(-1)}: ` +
    `${lost.length === 0 ? "nothing" : many(lost.length, "thing")} lost, ` +
    `${left.length === 0 ? "nothing" : many(left.length, "thing")} left over.\n` +
    part("Lost", lost, "Remove what is named here, and pull it again.") +
    part("Left over", left, 'Nothing is missing; "ctr system prune" gives the space back.');
}

function many(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}
