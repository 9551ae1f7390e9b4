/**
 * The limits of the rdma controller, which both versions write in the same words.
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html#rdma
 * @module
 */

import type { OciResources } from "../oci/mod.ts";

/** A line of `rdma.max`. */
export function rdmaLine(
  device: string,
  { hcaHandles, hcaObjects }: NonNullable<OciResources["rdma"]>[string],
): string {
  const words = [device];
  if (hcaHandles !== undefined) words.push(`hca_handle=${hcaHandles}`);
  if (hcaObjects !== undefined) words.push(`hca_object=${hcaObjects}`);
  return words.join(" ");
}
