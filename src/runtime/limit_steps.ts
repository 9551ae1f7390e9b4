/**
 * The steps that set resource limits.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { RLIMITS } from "../linux/mod.ts";
import type { OciProcess } from "../oci/mod.ts";
import type { ProgramBuilder } from "../program/mod.ts";

/**
 * Resource limits. A small one would stop the set-up, and whoever has become another user may not
 * raise one.
 *
 * @throws {CtrError} `invalid_argument` for a limit that does not exist or is listed twice
 */
export function limitSteps(
  p: ProgramBuilder,
  process: OciProcess,
  { mayFail = false, leastFds = 0 } = {},
): void {
  const seen = new Set<string>();
  for (const { type, soft, hard } of process.rlimits ?? []) {
    const number = (RLIMITS as Readonly<Record<string, number>>)[type];
    if (number === undefined || seen.has(type)) {
      throw new CtrError({
        code: "invalid_argument",
        operation: "set limit",
        subject: type,
        reason: number === undefined ? "there is no such resource limit" : "it is listed twice",
      });
    }
    seen.add(type);
    const least = type === "RLIMIT_NOFILE" ? leastFds : 0;
    const limit = new BigUint64Array([limitWord(soft, least), limitWord(hard, least)]);
    p.step("prlimit64", [0, number, new Uint8Array(limit.buffer), 0], {
      name: "set limit",
      subject: type,
      mayFail,
    });
  }
}

/**
 * Raise limits as far as this host allows, before a user namespace takes away the right to it. That
 * they are what they shall be is made sure of later.
 */
export function raiseLimitSteps(p: ProgramBuilder, process: OciProcess): void {
  limitSteps(p, process, { mayFail: true, leastFds: 1024 });
}

/** -1 and 2^64-1, which JSON.parse makes 2^64, are no limit. */
function limitWord(value: number, least: number): bigint {
  if (value < 0 || value >= 2 ** 64) return 0xffffffffffffffffn;
  return BigInt(Math.max(value, least));
}
