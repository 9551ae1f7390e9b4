/**
 * What both versions write in the same words.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciResources } from "../oci/mod.ts";

/**
 * A line of `rdma.max`.
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html#rdma
 */
export function rdmaLine(
  device: string,
  { hcaHandles, hcaObjects }: NonNullable<OciResources["rdma"]>[string],
): string {
  const words = [device];
  if (hcaHandles !== undefined) words.push(`hca_handle=${hcaHandles}`);
  if (hcaObjects !== undefined) words.push(`hca_object=${hcaObjects}`);
  return words.join(" ");
}

/**
 * The size of huge pages, which is a part of file names: `64KB`, `2MB`, `1GB`.
 *
 * @throws {CtrError} `invalid_argument`
 */
export function checkedPageSize(pageSize: string): string {
  if (/^[1-9]\d*[KMGT]B$/.test(pageSize)) return pageSize;
  throw new CtrError({
    code: "invalid_argument",
    operation: "limit",
    subject: `hugetlb.${pageSize}`,
    reason: "the size of a page is a number and KB, MB, GB or TB",
  });
}
