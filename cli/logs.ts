/**
 * `ctr logs`.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";
import { logs } from "../src/task/mod.ts";
import type { Command } from "./command.ts";
import { type Flags, parseFlags, UsageError } from "./flags.ts";

const FLAGS = {
  "follow": { type: "bool", short: "f", help: "Follow log output" },
  "since": { type: "string", help: 'Show logs since timestamp or relative ("42m")' },
  "tail": { type: "string", short: "n", help: "Number of lines to show from the end of the logs" },
  "timestamps": { type: "bool", short: "t", help: "Show timestamps" },
  "until": { type: "string", help: 'Show logs before a timestamp or relative ("42m")' },
} as const satisfies Flags;

export const command: Command = {
  usage: "logs [OPTIONS] CONTAINER",
  summary: "Fetch the logs of a container",
  flags: FLAGS,
  async run(context, argv) {
    const { flags, args } = parseFlags("logs", FLAGS, argv, { unsupported: ["--details"] });
    if (args.length !== 1) {
      throw new UsageError({
        code: "invalid_argument",
        operation: 'run "ctr logs"',
        reason: "it requires exactly 1 argument",
        hint: 'see "ctr logs --help"',
      });
    }
    const { containerLogs } = await logs();
    const entries = containerLogs(context.engine(), args[0]!, {
      follow: flags.follow ?? false,
      ...flags.tail === undefined || flags.tail === "all" ? {} : { tail: tailOf(flags.tail) },
      ...flags.since === undefined ? {} : { sinceMs: parseTime(flags.since, Date.now()) },
      ...flags.until === undefined ? {} : { untilMs: parseTime(flags.until, Date.now()) },
    });
    for await (const { stream, log, time } of entries) {
      const line = flags.timestamps ? `${time} ${log}` : log;
      if (stream === "stderr") context.err(line);
      else context.out(line);
    }
    return 0;
  },
};

function tailOf(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new CtrError({
    code: "invalid_argument",
    operation: "use --tail",
    subject: text,
    reason: 'it is a number of lines or "all"',
  });
}

/** A moment: RFC 3339, seconds since the epoch, or a length of time before now (`1h30m`). */
export function parseTime(text: string, nowMs: number): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const units: Record<string, number> = { h: 3600e3, m: 60e3, s: 1e3, ms: 1, us: 1e-3, ns: 1e-6 };
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|us|ns|s)/g)];
  if (parts.length > 0 && parts.map(([part]) => part).join("") === text) {
    return nowMs - parts.reduce((sum, [, count, unit]) => sum + Number(count) * units[unit!]!, 0);
  }
  const at = Date.parse(/\d{4}-\d\d-\d\dT[\d:.]+$/.test(text) ? `${text}Z` : text);
  if (!Number.isNaN(at)) return at;
  throw new CtrError({
    code: "invalid_argument",
    operation: "read time",
    subject: text,
    reason: "not a timestamp and not a length of time such as 10m",
  });
}
