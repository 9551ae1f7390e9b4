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

export { type Attachment, attachTo, type OnOutput } from "./attachment.ts";
export { ShimClient } from "./client.ts";
export { type OwnShim, type Shim, spawnShim } from "./spawn.ts";
export { type CreateTaskOptions, OPTIONS_TYPE } from "./task_api.ts";
export type { ProcessExit, TaskState } from "./types.ts";

/** One shim for all containers of a process; loaded when asked for. */
export const sharedShim = (): Promise<typeof import("./shared_shim.ts")> =>
  import("./shared_shim.ts");
