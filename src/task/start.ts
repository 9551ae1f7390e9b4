/**
 * Starts containers in the background.
 *
 * @module
 */

import { createRequest, type Shim, type TaskState } from "../shim/mod.ts";
import { span } from "../trace.ts";
import { makeContainer, type PreparedContainer } from "./create.ts";
import { startingNetwork } from "./network.ts";
import { newTask, rareOptions } from "./new_task.ts";
import type { Engine } from "./engine.ts";
import { discard } from "./follow.ts";
import type { ContainerRecord } from "../state/mod.ts";
import type { ContainerOptions } from "./types.ts";

/**
 * Start a made container and leave it to its shim. A container that cannot be started stays, unless
 * `autoRemove`.
 */
export async function startDetached(
  engine: Engine,
  shim: Shim,
  { record, mounts, before }: Pick<PreparedContainer, "record" | "mounts"> & {
    /** Its state, when its policy starts it again. */
    readonly before?: TaskState;
  },
): Promise<void> {
  const { client, sharedDir } = shim;
  const { id } = record;
  try {
    const network = await startingNetwork(engine, record);
    const rare = await rareOptions(engine, record, before);
    const options = { trace: false, detached: true, sharedDir, ...rare };
    const task = newTask(engine, record, mounts, options);
    const created = client.call("Create", createRequest(task));
    created.catch(() => {});
    network?.connect((await created).pid);
    const started = client.call("Start", { id });
    started.catch(() => {});
    await created;
    await started;
  } catch (error) {
    await discard(engine, shim, record, error);
    throw error;
  }
}

/**
 * Make and start a container in the background.
 *
 * @throws {CtrError} when it cannot be created or started
 */
export async function runDetached(
  engine: Engine,
  options: ContainerOptions,
): Promise<ContainerRecord> {
  const shim = await span("spawn shim", () => engine.shim());
  try {
    const made = await makeContainer(engine, options);
    try {
      await startDetached(engine, shim, made);
      return made.record;
    } finally {
      made.lock.release();
    }
  } finally {
    shim.release();
  }
}
