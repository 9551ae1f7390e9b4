/**
 * Containers of those who may not make cgroups.
 *
 * @module
 */

import { mapsAllIds } from "../linux/mod.ts";
import { readText } from "../program/mod.ts";

/**
 * Whether a container without limits does without a cgroup that could not be made: for who is not the
 * host's root, be it as root of a user namespace.
 */
export function doesWithout(
  error: unknown,
  { uid = process.geteuid!(), uidMap = readText("/proc/self/uid_map") } = {},
): boolean {
  const { errnoName = "" } = error as { errnoName?: string };
  return ["EACCES", "EPERM", "EROFS"].includes(errnoName) && (uid !== 0 || !mapsAllIds(uidMap));
}
