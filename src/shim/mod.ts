/**
 * Shims: processes that own containers and outlive whoever started them.
 *
 * @example
 * ```ts
 * const { client } = spawnShim(env);
 * await client.call("Create", { id, bundle, rootfs, options });
 * await client.call("Start", { id });
 * const { exitStatus } = await client.call("Wait", { id });
 * ```
 *
 * @module
 */

export {
  type Attachment,
  attachOver,
  attachTo,
  type OnOutput,
  ShimClient,
  type SpawnedShim,
  spawnShim,
} from "./client.ts";
export { type CreateTaskOptions, OPTIONS_TYPE } from "./task_api.ts";
export type { ProcessExit, TaskState } from "./types.ts";
