/**
 * Containers without cgroups of their own: those of ordinary users who may not make any.
 *
 * @module
 */

import { mapsAllIds } from "../linux/mod.ts";
import type { OciResources } from "../oci/mod.ts";
import { readText } from "../program/mod.ts";
import type { MadeCgroups } from "./cgroup.ts";

const FORBIDDEN = ["EACCES", "EPERM", "EROFS"];

/**
 * A container stays where its creator is when that may not make cgroups, and nothing is to be limited.
 * Rules for devices do not count: without the host's rights there are no devices.
 *
 * @param error why there are no cgroups
 * @throws the error, for who has the host's rights, and with limits
 */
export function withoutCgroups(
  error: unknown,
  resources: OciResources = {},
  { uid = process.geteuid!(), uidMap = readText("/proc/self/uid_map") } = {},
): MadeCgroups {
  const forbidden = FORBIDDEN.includes((error as { errnoName?: string }).errnoName ?? "");
  const limited = Object.keys(resources).some((name) => name !== "devices");
  if (!forbidden || limited || (uid === 0 && mapsAllIds(uidMap))) throw error;
  return { made: [], fd: undefined, entered: [], mounts: [] };
}
