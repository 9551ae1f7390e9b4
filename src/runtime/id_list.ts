/**
 * Lists of processors and memory nodes, as the kernel writes them: `0-3,7`.
 *
 * @see https://man7.org/linux/man-pages/man7/cpuset.7.html#FORMATS
 * @module
 */

import { CtrError } from "../errors.ts";

/** The largest number that makes sense: kernels have at most 8192 processors and 1024 nodes. */
const HIGHEST = 8191;

/**
 * The numbers of a list as a bit mask for system calls: as many 64-bit words as it needs.
 *
 * @param operation for the error
 * @throws {CtrError} `invalid_argument` for what is no list, or an empty one
 */
export function idMask(list: string, operation: string): Uint8Array {
  const ranges = list.split(",").map((part) => part.trim()).filter((part) => part !== "")
    .map((part) => {
      const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? [];
      const range = [Number(first), Number(last)] as const;
      if (range[0] <= range[1] && range[1] <= HIGHEST) return range;
      throw invalid(operation, list, `${JSON.stringify(part)} is neither a number nor a range`);
    });
  if (ranges.length === 0) throw invalid(operation, list, "the list is empty");
  const highest = Math.max(...ranges.map(([, last]) => last));
  const mask = new Uint8Array(((highest >> 6) + 1) * 8);
  for (const [first, last] of ranges) {
    for (let id = first; id <= last; id++) mask[id >> 3]! |= 1 << (id & 7);
  }
  return mask;
}

function invalid(operation: string, subject: string, reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation, subject, reason });
}
