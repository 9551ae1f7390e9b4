/**
 * `--ulimit`. Pure.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";

const LIMITS =
  "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack as";

/** `nofile=1024:2048`; one number is both, -1 is unlimited. */
export function parseUlimit(text: string): { name: string; soft: number; hard: number } {
  const match = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text);
  if (match === null) throw invalid(text, "it is NAME=SOFT[:HARD]");
  const [, name, soft, hard = soft] = match;
  if (!LIMITS.split(" ").includes(name!)) throw invalid(text, "there is no such limit");
  if (Number(hard) !== -1 && (Number(soft) === -1 || Number(soft) > Number(hard))) {
    throw invalid(text, "the soft limit is above the hard limit");
  }
  return { name: name!, soft: Number(soft), hard: Number(hard) };
}

function invalid(subject: string, reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation: "use --ulimit", subject, reason });
}
