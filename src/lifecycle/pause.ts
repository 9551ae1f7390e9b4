/**
 * Stops and goes on with all processes of a container.
 *
 * @module
 */

import { freezeAt } from "../runtime/mod.ts";
import { directoryOf, findContainer, lockDirectory } from "./directory.ts";
import { wrongStatus } from "./errors.ts";
import { statusOf } from "./status.ts";
import type { ContainerRef } from "./types.ts";

/** Stop them. @throws {CtrError} `not_found`, `failed_precondition` when the container does not run */
export async function pauseContainer(ref: ContainerRef): Promise<void> {
  await setFrozen(ref, true);
}

/** Go on. @throws {CtrError} `not_found`, `failed_precondition` when it is not paused */
export async function resumeContainer(ref: ContainerRef): Promise<void> {
  await setFrozen(ref, false);
}

async function setFrozen(ref: ContainerRef, frozen: boolean): Promise<void> {
  const operation = frozen ? "pause" : "resume";
  using _lock = await lockDirectory(directoryOf(ref), operation);
  const container = findContainer(ref, operation);
  const status = statusOf(container);
  if (frozen && status !== "running" && status !== "created") {
    throw wrongStatus(operation, ref.id, `container not running: ${status}`);
  }
  if (!frozen && status !== "paused") throw wrongStatus(operation, ref.id, "container not paused");
  await freezeAt(container.record.cgroupsPath, frozen);
}
