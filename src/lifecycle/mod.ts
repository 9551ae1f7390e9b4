/**
 * The life cycle of OCI containers: create, start, exec, kill, delete and what else runc's command line
 * knows, as functions. State is in one directory per container; there is no daemon.
 *
 * @example
 * ```ts
 * import { createContainer, deleteContainer, startContainer } from "./src/lifecycle/mod.ts";
 * const ref = { root: "/run/ctr-oci", id: "web" };
 * await createContainer({ ...ref, bundle: "/bundles/web", warn: console.error });
 * await startContainer(ref);
 * await deleteContainer(ref, { force: true, warn: console.error });
 * ```
 *
 * @module
 */

export { checkConsole, createContainer } from "./create.ts";
export type { CheckpointOptions } from "./checkpoint.ts";
export type { RestoreOptions } from "./restore.ts";
export { deleteContainer } from "./delete.ts";
export { readBundle } from "./bundle.ts";
export { type ContainerEvent, eventsOf, statsOf, watchOomOf } from "./events.ts";
export { execInContainer, type ExecOptions } from "./exec.ts";
export { killContainer } from "./kill.ts";
export { listContainers, processesOf } from "./list.ts";
export { pauseContainer, resumeContainer } from "./pause.ts";
export { type Held, holdContainer, runContainer, type Running } from "./run.ts";
export { startContainer } from "./start.ts";
export { stateOf } from "./status.ts";
export { updateContainer } from "./update.ts";
export type {
  Container,
  ContainerRecord,
  ContainerRef,
  ContainerState,
  ContainerStatus,
  CreateOptions,
  HandedOn,
} from "./types.ts";

/** Save a container; see `checkpoint.ts`. */
export async function checkpointContainer(
  options: import("./checkpoint.ts").CheckpointOptions,
): Promise<void> {
  await (await import("./checkpoint.ts")).checkpointContainer(options);
}

/** Bring one back; see `restore.ts`. */
export async function restoreContainer(
  options: import("./restore.ts").RestoreOptions,
): Promise<import("./restore.ts").Restored> {
  return await (await import("./restore.ts")).restoreContainer(options);
}

/** The program that does both; see `criu.ts`. */
export async function findCriu(
  ...args: Parameters<typeof import("./criu.ts").findCriu>
): Promise<import("./criu.ts").Criu> {
  return (await import("./criu.ts")).findCriu(...args);
}

export type { SystemdManager } from "../runtime/mod.ts";
