/**
 * What a shim is told of a container.
 *
 * @module
 */

import { type CreateTaskOptions, OPTIONS_TYPE } from "../shim/mod.ts";
import type { Mount } from "../snapshot/mod.ts";
import type { ContainerRecord } from "../state/mod.ts";
import type { Engine } from "./engine.ts";
import { dataDir, execDir, logPath } from "./place.ts";

/** The Create request for a container. */
export function createRequest(
  engine: Engine,
  record: ContainerRecord,
  mounts: readonly Mount[],
  options: Pick<CreateTaskOptions, "detached" | "trace"> & {
    readonly sharedDir: string | undefined;
  },
) {
  const { sharedDir, ...more } = options;
  const create: CreateTaskOptions = {
    ...more,
    dataDir: dataDir(engine.directories, record.id),
    execDir: execDir(engine.directories, record.id),
    logPath: logPath(engine.directories, record.id),
    openStdin: record.config.openStdin,
    stdinOnce: options.detached !== true,
    ...sharedDir === undefined ? {} : { sharedDir },
    ...record.hostConfig.autoRemove ? { cleanup: [...engine.cleanupArgv, record.id] } : {},
  };
  return {
    id: record.id,
    bundle: dataDir(engine.directories, record.id),
    rootfs: mounts,
    terminal: record.config.tty,
    options: { typeUrl: OPTIONS_TYPE, value: new TextEncoder().encode(JSON.stringify(create)) },
  };
}
