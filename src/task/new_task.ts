/**
 * What a shim is told of a container.
 *
 * @module
 */

import type { CreateTaskOptions, NewTask, TaskState } from "../shim/mod.ts";
import type { Mount } from "../snapshot/mod.ts";
import type { ContainerRecord } from "../state/mod.ts";
import type { Engine } from "./engine.ts";
import { dataDir, execDir, logPath } from "./place.ts";

/** What is different from one start of a container to the next. */
export type StartOptions = Pick<CreateTaskOptions, "detached" | "trace" | "log" | "restart"> & {
  readonly sharedDir: string | undefined;
};

/**
 * What only some containers have: a log driver, a restart policy.
 *
 * @param before its state, when its policy starts it again
 */
export async function rareOptions(
  engine: Engine,
  record: ContainerRecord,
  before?: TaskState,
): Promise<Partial<CreateTaskOptions>> {
  const { logConfig, restartPolicy } = record.hostConfig;
  if (logConfig === undefined && restartPolicy === undefined) return {};
  return (await import("./task_options.ts")).rareOptionsOf(engine, record, before);
}

/** A container's task to be. */
export function newTask(
  engine: Engine,
  record: ContainerRecord,
  mounts: readonly Mount[],
  start: StartOptions,
): NewTask {
  const { sharedDir, ...more } = start;
  return {
    id: record.id,
    bundle: dataDir(engine.directories, record.id),
    rootfs: mounts,
    terminal: record.config.tty,
    options: {
      ...more,
      dataDir: dataDir(engine.directories, record.id),
      execDir: execDir(engine.directories, record.id),
      logPath: logPath(engine.directories, record.id),
      openStdin: record.config.openStdin,
      stdinOnce: start.detached !== true,
      ...sharedDir === undefined ? {} : { sharedDir },
      ...record.hostConfig.runtime === undefined
        ? {}
        : { runtime: { path: record.hostConfig.runtime.path, env: engine.env } },
      ...record.hostConfig.networks === undefined ? {} : { network: engine.directories },
      ...record.hostConfig.autoRemove ? { cleanup: [...engine.cleanupArgv, record.id] } : {},
    },
  };
}
