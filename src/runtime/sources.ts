/**
 * Sources of bind mounts that the container's process cannot open, or change, by itself.
 *
 * @module
 */

import type { OciMount, OciSpec } from "../oci/mod.ts";

/** Descriptors of detached mounts, by the mount of the spec that gets them a place. */
export type SourceTrees = ReadonlyMap<OciMount, number>;

/** Whether a mount maps ids: with its own maps, or with those of the container. */
export function isIdMapped({ uidMappings, gidMappings, options = [] }: OciMount): boolean {
  return uidMappings !== undefined || gidMappings !== undefined || options.includes("idmap") ||
    options.includes("ridmap");
}

/**
 * Open them, where there are any.
 *
 * @returns descriptors that the caller closes
 * @throws {CtrError} `invalid_argument` for maps that make no sense
 */
export async function sourceTrees(
  spec: OciSpec,
  bundle: string,
): Promise<SourceTrees | undefined> {
  const { mounts = [], linux = {} } = spec;
  const userns = linux.namespaces?.some(({ type }) => type === "user") === true;
  if (!userns && !mounts.some(isIdMapped)) return undefined;
  return (await import("./source_trees.ts")).openSourceTrees(spec, bundle, userns);
}
