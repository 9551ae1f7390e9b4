/**
 * Changes the limits of a container.
 *
 * @module
 */

import type { OciResources } from "../oci/mod.ts";
import { updateResourcesAt, updateUnit } from "../runtime/mod.ts";
import { directoryOf, findContainer, lockDirectory } from "./directory.ts";
import { wrongStatus } from "./errors.ts";
import { statusOf } from "./status.ts";
import type { ContainerRef } from "./types.ts";

/**
 * Change them: all that are mentioned, or none when the kernel refuses one.
 *
 * @throws {CtrError} `not_found`, `failed_precondition` for one that has stopped or on a host that has
 * no such limit
 */
export async function updateContainer(ref: ContainerRef, resources: OciResources): Promise<void> {
  using _lock = await lockDirectory(directoryOf(ref), "update");
  const container = findContainer(ref, "update");
  if (statusOf(container) === "stopped") {
    throw wrongStatus("update", ref.id, "container not running");
  }
  const { unit, cgroupsPath } = container.record;
  if (unit !== undefined) await updateUnit(unit, resources);
  await updateResourcesAt(cgroupsPath, resources);
}
