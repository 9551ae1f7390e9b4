/**
 * Containers and their tasks.
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
 * closeEngine(engine);
 * ```
 *
 * @module
 */

export { closeEngine, type Engine, type EngineOptions, openEngine } from "./engine.ts";
export { createContainer, type CreatedContainer } from "./create.ts";
export { runContainer, runDetached, type RunResult } from "./run.ts";
export type { ContainerOptions, ExecOptions, RunningContainer, RunOptions } from "./types.ts";
