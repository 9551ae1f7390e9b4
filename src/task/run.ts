/**
 * Create, start, attach and wait in one: the hot path of `ctr run`. The shim boots while the image is
 * resolved and the bundle written.
 *
 * @module
 */

import { close } from "../program/mod.ts";
import {
  attachOver,
  type CreateTaskOptions,
  OPTIONS_TYPE,
  type ShimClient,
  spawnShim,
} from "../shim/mod.ts";
import { addTraceEvents, mark, now, span } from "../trace.ts";
import type { Mount } from "../snapshot/mod.ts";
import type { ContainerRecord } from "../state/mod.ts";
import { createContainer, removeFiles } from "./create.ts";
import type { Engine } from "./engine.ts";
import { dataDir, execDir, logPath } from "./place.ts";
import type { RunningContainer, RunOptions } from "./types.ts";

/** How a run ended. */
export interface RunResult {
  readonly id: string;
  readonly exitCode: number;
  /** The client left before the container ended. */
  readonly detached: boolean;
}

/** The Create request for a container. */
export function createRequest(
  engine: Engine,
  record: ContainerRecord,
  mounts: readonly Mount[],
  options: { readonly stdinOnce: boolean; readonly trace?: boolean },
) {
  const create: CreateTaskOptions = {
    dataDir: dataDir(engine.directories, record.id),
    execDir: execDir(engine.directories, record.id),
    logPath: logPath(engine.directories, record.id),
    openStdin: record.config.openStdin,
    stdinOnce: options.stdinOnce,
    trace: options.trace ?? false,
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

/**
 * Run a container in the foreground. A container that cannot be started stays, unless `autoRemove`.
 *
 * @returns when it has ended and all its output was delivered, or when `detach` was called
 * @throws {CtrError} when it cannot be created or started
 */
export async function runContainer(engine: Engine, options: RunOptions): Promise<RunResult> {
  const shim = span("spawn shim", () => spawnShim(engine.shimEnv, engine.shimScript));
  const { client } = shim;
  let record: ContainerRecord;
  let mounts: readonly Mount[];
  try {
    ({ record, mounts } = await createContainer(engine, options));
  } catch (error) {
    close(shim.attachFd);
    client.close();
    throw error;
  }
  const { id } = record;
  const { autoRemove } = record.hostConfig;
  let left!: () => void;
  const detached = new Promise<"detached">((resolve) => left = () => resolve("detached"));
  try {
    const startedUs = now();
    // All at once: the shim keeps the order, and round trips cost as much as system calls.
    const stdio = { stdinOnce: true, trace: options.trace ?? false };
    const created = client.call("Create", createRequest(engine, record, mounts, stdio));
    const attachment = attachOver(shim.attachFd, { id }, options.onOutput ?? (() => {}));
    const started = client.call("Start", { id });
    const exit = client.call("Wait", { id });
    started.catch(() => {});
    exit.catch(() => {});
    await created;
    await started;
    mark("start", startedUs);
    options.onStarted?.(running(record, client, attachment, left));
    const ranUs = now();
    const result = await Promise.race([Promise.all([exit, attachment.ended]), detached]);
    mark("run", ranUs);
    if (result === "detached") {
      attachment.detach();
      client.close();
      return { id, exitCode: 0, detached: true };
    }
    const exitCode = result[0].exitStatus;
    if (options.trace) addTraceEvents(JSON.parse(new TextDecoder().decode(result[0].trace)));
    if (autoRemove) await span("remove", () => removeEnded(engine, record, client));
    else client.close();
    return { id, exitCode, detached: false };
  } catch (error) {
    await discardTask(client, id);
    if (autoRemove) await removeRecord(engine, record);
    throw error;
  }
}

function running(
  record: ContainerRecord,
  client: ShimClient,
  attachment: ReturnType<typeof attachOver>,
  detach: () => void,
): RunningContainer {
  const { id } = record;
  return {
    id,
    name: record.name,
    writeStdin: (bytes) => attachment.write(bytes),
    endStdin: () => attachment.endStdin(),
    kill: async (signal) => void await client.call("Kill", { id, signal }),
    resize: async (width, height) => void await client.call("ResizePty", { id, width, height }),
    detach,
  };
}

/** Start a made container and leave it to its shim. */
export async function startDetached(
  engine: Engine,
  record: ContainerRecord,
  mounts: readonly Mount[],
): Promise<void> {
  const { client, attachFd } = spawnShim(engine.shimEnv, engine.shimScript);
  close(attachFd);
  try {
    await client.call("Create", createRequest(engine, record, mounts, { stdinOnce: false }));
    await client.call("Start", { id: record.id });
    client.close();
  } catch (error) {
    await discardTask(client, record.id);
    if (record.hostConfig.autoRemove) await removeRecord(engine, record);
    throw error;
  }
}

/** Make and start a container in the background. */
export async function runDetached(engine: Engine, options: RunOptions): Promise<ContainerRecord> {
  const { record, mounts } = await createContainer(engine, options);
  await startDetached(engine, record, mounts);
  return record;
}

async function removeEnded(
  engine: Engine,
  record: ContainerRecord,
  client: ShimClient,
): Promise<void> {
  // The shim gives back the cgroup and ends by itself. What is waited for is what the next command
  // could trip over: the name and the files.
  client.call("Delete", { id: record.id }).catch(() => {});
  await removeRecord(engine, record);
  client.close();
}

async function removeRecord(engine: Engine, record: ContainerRecord): Promise<void> {
  engine.state.containers.remove(record.id);
  await removeFiles(engine, record);
}

/** After a failed start: the shim's task goes, whatever state it is in. */
async function discardTask(client: ShimClient, id: string): Promise<void> {
  await client.call("Delete", { id }).catch(() => {});
  client.close();
}
