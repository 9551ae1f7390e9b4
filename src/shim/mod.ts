/**
 * Shims: processes that own containers and outlive whoever started them.
 *
 * @example
 * ```ts
 * const { client } = spawnShim(shimProgram(env));
 * await client.call("Create", { id, bundle, rootfs, options });
 * await client.call("Start", { id });
 * const { exitStatus } = await client.call("Wait", { id });
 * ```
 *
 * @module
 */

export { type Attachment, attachTo, type OnOutput } from "./attachment.ts";
export { ShimClient } from "./client.ts";
export { createRequest, type NewTask } from "./create_request.ts";
export { type KeptOutcome, KeptTask } from "./kept_task.ts";
export { type OwnShim, type Shim, type ShimProgram, shimProgram, spawnShim } from "./spawn.ts";
export type { CreateTaskOptions, LogTarget } from "./task_api.ts";
export type { ProcessExit, TaskState } from "./types.ts";

/** One shim for all containers of a process; loaded when asked for. */
export const sharedShim = (): Promise<typeof import("./shared_shim.ts")> =>
  import("./shared_shim.ts");

/** A runtime by its executable. */
export const otherRuntime = (): Promise<typeof import("./task_runtime.ts")> =>
  import("./task_runtime.ts");

/** Reads what shims answer to `Stats`. */
export const shimMetrics = (): Promise<typeof import("./metrics.ts")> => import("./metrics.ts");
export type { Metrics } from "./metrics.ts";

/** What `containerd-shim-ctr-v2` does: a shim for containerd. */
export const containerdShim = (): Promise<typeof import("./containerd/door.ts")> =>
  import("./containerd/door.ts");
