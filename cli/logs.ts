/**
 * `ctr logs`.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";
import { logs } from "../src/task/mod.ts";
import { define } from "./command.ts";
import { parseTime } from "./time.ts";

export const command = define({
  name: "logs",
  usage: "[OPTIONS] CONTAINER",
  summary: "Fetch the logs of a container",
  args: [1, 1],
  flags: {
    "details": { type: "bool", help: "Show extra details provided to logs" },
    "follow": { type: "bool", short: "f", help: "Follow log output" },
    "since": {
      type: "string",
      help: 'Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" ' +
        "for 42 minutes)",
    },
    "tail": {
      type: "string",
      short: "n",
      default: "all",
      help: "Number of lines to show from the end of the logs",
    },
    "timestamps": { type: "bool", short: "t", help: "Show timestamps" },
    "until": {
      type: "string",
      help: 'Show logs before a timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" ' +
        "for 42 minutes)",
    },
  },
}, async (context, { flags, args }) => {
  const now = Date.now();
  const tail = tailOf(flags.tail);
  const options = {
    follow: flags.follow,
    ...tail === undefined ? {} : { tail },
    ...flags.since === undefined ? {} : { sinceMs: parseTime(flags.since, now) },
    ...flags.until === undefined ? {} : { untilMs: parseTime(flags.until, now) },
  };
  const { containerLogs } = await logs();
  const entries = containerLogs(context.engine(), args[0]!, options);
  for await (const { stream, log, time, attrs } of entries) {
    const details = flags.details ? `${detailsOf(attrs)} ` : "";
    const line = `${flags.timestamps ? `${time} ` : ""}${details}${log}`;
    if (stream === "stderr") context.err(line);
    else context.out(line);
  }
  return 0;
});

/** `name=value,…`, as in a query. */
function detailsOf(attrs: Readonly<Record<string, string>> = {}): string {
  return Object.keys(attrs).sort()
    .map((name) => `${encodeURIComponent(name)}=${encodeURIComponent(attrs[name]!)}`).join(",");
}

/** Undefined for all lines; as in Docker, a negative number is all, too. */
function tailOf(text: string): number | undefined {
  if (text === "all" || /^-\d+$/.test(text)) return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  throw new CtrError({
    code: "invalid_argument",
    operation: "use --tail",
    subject: text,
    reason: 'it is a number of lines or "all"',
  });
}
