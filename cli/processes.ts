/**
 * What ps(1) of the host says of a container's processes.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";

/**
 * The heading, and a line per process.
 *
 * @param options ps's; none: `-ef`
 * @throws {CtrError} when there is no ps, or it does not tell process ids
 */
export async function listedBy(
  options: readonly string[],
  pids: readonly number[],
): Promise<string[]> {
  const { spawnSync } = await import("node:child_process");
  const argv = options.length === 0 ? ["-ef"] : options;
  const { status, stdout, stderr } = spawnSync("ps", argv, { encoding: "utf8" });
  if (status !== 0) {
    const reason = stderr?.trim() || "there is no program ps";
    throw new CtrError({ code: "failed_precondition", operation: "list processes", reason });
  }
  const [head = "", ...lines] = stdout.split("\n");
  const column = head.trim().split(/\s+/).indexOf("PID");
  if (column < 0) {
    const reason = "couldn't find PID field in ps output";
    throw new CtrError({ code: "invalid_argument", operation: "list processes", reason });
  }
  return [
    head,
    ...lines.filter((line) => pids.includes(Number(line.trim().split(/\s+/)[column]))),
  ];
}
