/**
 * Containers and their tasks. What a start needs is loaded with this module; the rest when called.
 *
 * @example
 * ```ts
 * const engine = openEngine({ directories, cleanupArgv, env: process.env });
 * const { exitCode } = await runContainer(engine, {
 *   image: "host",
 *   command: ["echo", "hello"],
 *   autoRemove: true,
 *   onOutput: (_stream, bytes) => process.stdout.write(bytes),
 * });
 * engine.close();
 * ```
 *
 * @module
 */

import type { ContainerRecord } from "../state/mod.ts";
import type { Engine } from "./engine.ts";
import type { ContainerOptions } from "./types.ts";

export { type Engine, type EngineOptions, openEngine } from "./engine.ts";
export { createContainer } from "./create.ts";
export type { RunResult } from "./follow.ts";
export { runContainer } from "./run.ts";
export type { ContainerOptions, ExecOptions, RunningContainer, RunOptions } from "./types.ts";
export type { ContainerSummary } from "./list.ts";
export type { ExecResult } from "./exec.ts";
export type { LogEntry, LogOptions } from "./logs.ts";

/** Make and start a container in the background. */
export async function runDetached(
  engine: Engine,
  options: ContainerOptions,
): Promise<ContainerRecord> {
  return await (await import("./start.ts")).runDetached(engine, options);
}

/** Start, stop, kill, wait for, pause and remove containers. */
export const control = (): Promise<typeof import("./control.ts")> => import("./control.ts");
/** Connect containers to networks. */
export const attachments = (): Promise<typeof import("./attachments.ts")> =>
  import("./attachments.ts");
/** Add processes to running containers. */
export const exec = (): Promise<typeof import("./exec.ts")> => import("./exec.ts");
/** Attach to running containers. */
export const attach = (): Promise<typeof import("./attach.ts")> => import("./attach.ts");
/** Containers to archives and images. */
export const archive = (): Promise<typeof import("./archive.ts")> => import("./archive.ts");
/** Find other OCI runtimes. */
export const runtimes = (): Promise<typeof import("./find_runtime.ts")> =>
  import("./find_runtime.ts");
/** List and inspect containers. */
export const list = (): Promise<typeof import("./list.ts")> => import("./list.ts");
/** What containers use. */
export const stats = (): Promise<typeof import("./stats.ts")> => import("./stats.ts");
export type { Sample } from "./stats.ts";
/** Read logs. */
export const logs = (): Promise<typeof import("./logs.ts")> => import("./logs.ts");
/** The syscall program that a run would execute. */
export const explain = (): Promise<typeof import("./explain.ts")> => import("./explain.ts");
/** Remove containers that are over. */
export const prune = (): Promise<typeof import("./prune.ts")> => import("./prune.ts");
/** Compare a store with what is on disk. */
export const storeCheck = (): Promise<typeof import("./check.ts")> => import("./check.ts");
export type { StoreReport } from "./check.ts";
export type { Finding } from "../image/mod.ts";
