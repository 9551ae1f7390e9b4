/**
 * `ctr-oci events`.
 *
 * @module
 */

import { eventsOf, statsOf } from "../../src/lifecycle/mod.ts";
import { UsageError } from "../flags.ts";
import { define } from "./command.ts";

export const command = define({
  name: "events",
  usage: "[options] CONTAINER",
  summary: "Print what a container uses, and when it runs out of memory",
  args: [1, 1],
  flags: {
    "interval": { type: "string", default: "5s", help: "Between two looks, as 500ms, 5s or 1m" },
    "stats": { type: "bool", help: "Print what it uses now, and end" },
  },
}, async ({ root, out }, { flags, args }) => {
  const ref = { root, id: args[0]! };
  const intervalMs = durationMs(flags.interval);
  if (intervalMs === undefined || intervalMs <= 0) {
    const reason = "duration interval must be greater than 0";
    throw new UsageError({ command: "events", reason, exitCode: 1 });
  }
  if (flags.stats) {
    out(`${JSON.stringify(await statsOf(ref))}\n`);
    return 0;
  }
  for await (const event of eventsOf(ref, { intervalMs })) out(`${JSON.stringify(event)}\n`);
  return 0;
});

/** Go's way to write a duration: `1m30s`, `500ms`. Undefined when it is none. */
export function durationMs(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|us|ns|s|m|h))+$/.test(text)) return undefined;
  const units: Readonly<Record<string, number>> = {
    ns: 1e-6,
    us: 1e-3,
    ms: 1,
    s: 1000,
    m: 60_000,
    h: 3_600_000,
  };
  let sum = 0;
  for (const [, number, , unit] of text.matchAll(/(\d+(\.\d+)?)(ms|us|ns|s|m|h)/g)) {
    sum += Number(number) * units[unit!]!;
  }
  return sum;
}
