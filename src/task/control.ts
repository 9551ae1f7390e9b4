/**
 * What is done to containers that exist: start, stop, kill, wait, pause, rename, remove.
 *
 * @module
 */

import { codeOf, CtrError, isNotFound } from "../errors.ts";
import { parseSignal } from "../linux/mod.ts";
import type { TaskState } from "../shim/mod.ts";
import type { ContainerRecord } from "../state/mod.ts";
import { lockContainer } from "./container_lock.ts";
import { checkName, removeRecord } from "./create.ts";
import type { Engine } from "./engine.ts";
import { dataDir } from "./place.ts";
import { startDetached } from "./start.ts";
import { sweepContainers } from "./sweep.ts";
import { endOrphans, isActive, shimOf, taskState } from "./task_state.ts";

/** A signal by name or number. @throws {CtrError} `invalid_argument` */
export function signalNumber(text: string): number {
  const number = parseSignal(text);
  if (number !== undefined) return number;
  throw new CtrError({
    code: "invalid_argument",
    operation: "signal",
    subject: text,
    reason: "there is no such signal",
  });
}

/** Start a container that is not running, in the background. Starting a running one does nothing. */
export async function startContainer(
  engine: Engine,
  reference: string,
  options: {
    /** By its policy, for which its shim waits: nobody has stopped it meanwhile. */
    readonly restarting?: boolean;
  } = {},
): Promise<ContainerRecord> {
  const { id } = engine.state.containers.resolve(reference, "start");
  using _lock = await lockOf(engine, id);
  return await startHeld(engine, id, options);
}

async function startHeld(
  engine: Engine,
  id: string,
  { restarting = false }: { readonly restarting?: boolean } = {},
): Promise<ContainerRecord> {
  const record = engine.state.containers.resolve(id, "start");
  const state = await taskState(engine, record);
  if (restarting ? state.status !== "restarting" : isActive(state)) return record;
  const shim = await engine.shim();
  try {
    const mounts = record.snapshotKey === ""
      ? []
      : await (await engine.snapshotterOf(record)).mounts(record.snapshotKey);
    const before = restarting ? { before: state } : {};
    await startDetached(engine, shim, { record, mounts, ...before });
  } finally {
    shim.release();
  }
  return record;
}

/** Without its directory a container cannot be started, but removed. */
async function lockOf(engine: Engine, id: string): Promise<Disposable> {
  try {
    return await lockContainer(dataDir(engine.directories, id));
  } catch (error) {
    if (isNotFound(error)) return { [Symbol.dispose]() {} };
    throw error;
  }
}

/** Send a signal to a running container. */
export async function killContainer(
  engine: Engine,
  reference: string,
  signal = "SIGKILL",
): Promise<void> {
  const number = signalNumber(signal);
  const record = engine.state.containers.resolve(reference, "kill");
  const shim = await shimOf(engine, record, "kill");
  try {
    await shim.call("Kill", { id: record.id, signal: number });
  } finally {
    shim.close();
  }
}

/**
 * Ask a container to end, and after the grace period make it. One that is not running is left alone.
 *
 * @param options.timeoutSec negative: wait for ever; default: the container's own, 10
 */
export async function stopContainer(
  engine: Engine,
  reference: string,
  options: { readonly timeoutSec?: number; readonly signal?: string } = {},
): Promise<void> {
  const record = engine.state.containers.resolve(reference, "stop");
  // One that is started again by its policy may just have no shim that could be told.
  for (let state; isActive(state = await taskState(engine, record));) {
    await stopOnce(engine, record, { ...options, status: state.status });
  }
}

async function stopOnce(
  engine: Engine,
  record: ContainerRecord,
  options: Parameters<typeof stopContainer>[2] & Pick<TaskState, "status">,
): Promise<void> {
  const { id } = record;
  const shim = await shimOf(engine, record, "stop").catch((error: unknown) => {
    if (endedMeanwhile(error)) return undefined;
    throw error;
  });
  if (shim === undefined) return;
  try {
    const timeoutSec = options.timeoutSec ?? record.config.stopTimeoutSec;
    const exited = shim.call("Wait", { id }).then(() => true, () => true);
    const kill = (signal: number) =>
      shim.call("Kill", { id, signal }).catch((error) => {
        if (!isNotFound(error)) throw error;
      });
    if (record.hostConfig.restartPolicy !== undefined) await kill(0); // whatever the signal is
    await kill(signalNumber(options.signal ?? record.config.stopSignal));
    if (options.status === "paused") await shim.call("Resume", { id });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const grace = new Promise<false>((resolve) => {
      if (timeoutSec >= 0) timer = setTimeout(() => resolve(false), timeoutSec * 1000);
    });
    const ended = await Promise.race([exited, grace]);
    clearTimeout(timer);
    if (!ended) {
      await kill(9);
      await exited;
    }
  } finally {
    shim.close();
  }
}

/**
 * Stop a container and start it again; start it, if it does not run. Nobody else starts or removes it in
 * between, not even the shim of one that is to be removed when it ends.
 *
 * @throws what {@link stopContainer} and {@link startContainer} throw
 */
export async function restartContainer(
  engine: Engine,
  reference: string,
  options: Parameters<typeof stopContainer>[2] = {},
): Promise<void> {
  const { id } = engine.state.containers.resolve(reference, "restart");
  using _lock = await lockOf(engine, id);
  await stopContainer(engine, id, options);
  await startHeld(engine, id);
}

/**
 * Give a container another name.
 *
 * @throws {CtrError} `not_found`; `conflict` for a name that is taken; `invalid_argument` for one that is
 * none, or that it has already
 */
export function renameContainer(engine: Engine, reference: string, name: string): void {
  const record = engine.state.containers.resolve(reference, "rename");
  const wanted = name.startsWith("/") ? name.slice(1) : name;
  checkName(wanted, "rename container");
  if (record.name === wanted) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "rename container",
      subject: record.name,
      reason: "renaming a container with the same name as its current name",
    });
  }
  engine.state.containers.update(record.id, { name: wanted });
}

/**
 * Host process ids of everything in a running container.
 *
 * @throws {CtrError} `failed_precondition` when it is not running
 */
export async function processesOf(engine: Engine, reference: string): Promise<number[]> {
  const record = engine.state.containers.resolve(reference, "list processes");
  const shim = await shimOf(engine, record, "list processes");
  try {
    const { processes } = await shim.call("Pids", { id: record.id });
    return processes.map(({ pid }) => pid);
  } finally {
    shim.close();
  }
}

/**
 * Wait until a container has ended. Returns its exit code; at once for one that is not running.
 *
 * @throws {CtrError} `not_found`, also when it is removed before anybody could tell its exit code
 */
export async function waitContainer(engine: Engine, reference: string): Promise<number> {
  const record = engine.state.containers.resolve(reference, "wait");
  while (true) {
    const state = await taskState(engine, record);
    if (!isActive(state)) {
      engine.state.containers.resolve(record.id, "wait");
      return state.exitCode;
    }
    try {
      const shim = await shimOf(engine, record, "wait");
      try {
        return (await shim.call("Wait", { id: record.id })).exitStatus;
      } finally {
        shim.close();
      }
    } catch (error) {
      if (!endedMeanwhile(error)) throw error;
    }
  }
}

/** The shim was about to go when it was asked. */
function endedMeanwhile(error: unknown): boolean {
  return ["not_found", "unavailable", "failed_precondition"].includes(codeOf(error));
}

/** Stop all processes of a container from running, or let them go on. */
export async function pauseContainer(
  engine: Engine,
  reference: string,
  paused: boolean,
): Promise<void> {
  const operation = paused ? "pause" : "unpause";
  const record = engine.state.containers.resolve(reference, operation);
  const shim = await shimOf(engine, record, operation);
  try {
    await shim.call(paused ? "Pause" : "Resume", { id: record.id });
  } finally {
    shim.close();
  }
}

/**
 * Remove a container with everything it holds.
 *
 * @param options.force kill it first if it runs
 * @throws {CtrError} `not_found`; `failed_precondition` when it runs and `force` is not given
 */
export async function removeContainer(
  engine: Engine,
  reference: string,
  options: { readonly force?: boolean } = {},
): Promise<void> {
  const { id } = engine.state.containers.resolve(reference, "remove");
  {
    using _lock = await lockOf(engine, id);
    const record = engine.state.containers.resolve(id, "remove");
    const state = await taskState(engine, record);
    if (isActive(state)) {
      if (!options.force) {
        throw new CtrError({
          code: "failed_precondition",
          operation: "remove container",
          subject: record.name,
          reason: `container is ${state.status}`,
          hint: "stop it first, or force the removal",
        });
      }
      await killTask(engine, record, state.status === "paused");
    }
    await endOrphans(engine, id);
    await removeRecord(engine, record);
  }
  await sweepContainers(engine);
}

async function killTask(engine: Engine, record: ContainerRecord, paused: boolean): Promise<void> {
  const { id } = record;
  try {
    const shim = await shimOf(engine, record, "remove");
    try {
      const exited = shim.call("Wait", { id });
      exited.catch(() => {});
      if (paused) await shim.call("Resume", { id });
      await shim.call("Kill", { id, signal: 9 });
      await exited;
      await shim.call("Delete", { id });
    } finally {
      shim.close();
    }
  } catch (error) {
    if (!endedMeanwhile(error)) throw error; // by itself, or through another remove
  }
}
