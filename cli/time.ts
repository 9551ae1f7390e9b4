/**
 * Moments as people type them after `--since` and `--until`.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";

/**
 * A moment in milliseconds since the epoch: RFC 3339 (local time without an offset, as in Docker), a
 * date, seconds since the epoch, or a length of time before now (`1h30m`).
 *
 * @throws {CtrError} `invalid_argument`
 */
export function parseTime(text: string, nowMs: number): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const duration = parseDuration(text);
  if (duration !== undefined) return nowMs - duration;
  if (/^\d{4}-\d\d-\d\d(T\d\d(:\d\d(:\d\d(\.\d+)?)?)?(Z|[+-]\d\d:\d\d)?)?$/.test(text)) {
    const hours = text.replace(/(T\d\d)(?=$|Z|[+-]\d\d:\d\d$)/, "$1:00");
    const at = Date.parse(hours.includes("T") ? hours : `${hours}T00:00`);
    if (!Number.isNaN(at)) return at;
  }
  throw new CtrError({
    code: "invalid_argument",
    operation: "read time",
    subject: text,
    reason: "it is neither a timestamp nor a length of time such as 10m",
  });
}

const UNITS: Readonly<Record<string, number>> = {
  h: 3600e3,
  m: 60e3,
  s: 1e3,
  ms: 1,
  us: 1e-3,
  "µs": 1e-3,
  ns: 1e-6,
};

/** `1h30m` → milliseconds, as Go reads durations; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(h|ms|m|us|µs|ns|s))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|us|µs|ns|s)/g)) {
    sum += Number(count) * UNITS[unit!]!;
  }
  return sum;
}
