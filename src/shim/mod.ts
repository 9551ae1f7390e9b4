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
export { namedRuntime } from "./task_runtime.ts";
export type { CreateTaskOptions } from "./task_api.ts";
export type { ProcessExit, TaskState } from "./types.ts";

/** One shim for all containers of a process; loaded when asked for. */
export const sharedShim = (): Promise<typeof import("./shared_shim.ts")> =>
  import("./shared_shim.ts");

/** What `containerd-shim-ctr-v2` does: a shim for containerd. Loaded when asked for. */
export const containerdShim = {
  arguments: (): Promise<typeof import("./containerd/arguments.ts")> =>
    import("./containerd/arguments.ts"),
  start: (): Promise<typeof import("./containerd/start.ts")> => import("./containerd/start.ts"),
  serve: (): Promise<typeof import("./containerd/serve.ts")> => import("./containerd/serve.ts"),
  delete: (): Promise<typeof import("./containerd/delete.ts")> => import("./containerd/delete.ts"),
};
