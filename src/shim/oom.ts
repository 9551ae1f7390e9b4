/**
 * Whether the kernel ran out of a container's memory.
 *
 * @module
 */

import type { OciSpec } from "../oci/mod.ts";
import { type CgroupStats, stats } from "../runtime/mod.ts";

/** Ask before the cgroup is removed. It is looked at only where that may have happened. */
export async function oomKilled(
  container: { readonly id: string; readonly spec: OciSpec },
  exitCode: number,
): Promise<boolean> {
  const limited = (container.spec.linux?.resources?.memory?.limit ?? 0) > 0;
  if (!limited && exitCode !== 137) return false;
  const counted = await stats(container).catch((): CgroupStats => ({}));
  return (counted.oomKills ?? 0) > 0;
}
