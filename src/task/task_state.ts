/**
 * What a container's task is doing, read from what its shim wrote; a shim that is gone counts.
 *
 * @module
 */

import { CtrError, isNotFound } from "../errors.ts";
import { exists, readTextIfExists, replaceFile } from "../program/mod.ts";
import { otherRuntime, ShimClient, type TaskState } from "../shim/mod.ts";
import type { ContainerRecord } from "../state/mod.ts";
import { releaseNetwork } from "./network.ts";
import { tryLock } from "./container_lock.ts";
import type { Engine } from "./engine.ts";
import { dataDir, execDir, pauseMark } from "./place.ts";

const NEVER_STARTED: Omit<TaskState, "id"> = {
  status: "created",
  pid: 0,
  shimPid: 0,
  shimStartTicks: 0,
  startedAt: 0,
  finishedAt: 0,
  exitCode: 0,
  oomKilled: false,
  error: "",
};

/**
 * The state of a container's task. When the shim died without a word (killed, or the machine was
 * restarted), the task has ended with 137, its processes are killed and that is written down.
 */
export async function taskState(
  engine: Engine,
  record: Pick<ContainerRecord, "id">,
): Promise<TaskState> {
  const { id } = record;
  const path = `${dataDir(engine.directories, id)}/state.json`;
  const text = readTextIfExists(path);
  if (text === undefined) return { id, ...NEVER_STARTED };
  const state = JSON.parse(text) as TaskState;
  if (state.status === "paused" && exists(pauseMark(engine.directories, id)) && shimLives(state)) {
    const { resumeAbandoned } = await import("./paused_for.ts");
    return await resumeAbandoned(engine, id) ? { ...state, status: "running" } : state;
  }
  if (!isActive(state) || shimLives(state)) return state;
  await endOrphans(engine, id);
  const known = engine.state.containers.get(id);
  if (known?.hostConfig.networks !== undefined) await releaseNetwork(engine, known);
  const ended: TaskState = {
    ...state,
    status: "stopped",
    pid: 0,
    finishedAt: Date.now(),
    exitCode: 137,
    error: "the shim ended unexpectedly",
  };
  if (exists(path)) replaceFile(path, JSON.stringify(ended));
  return ended;
}

/** Whether a container has processes. */
export function isActive({ status }: TaskState): boolean {
  return status === "running" || status === "paused" || status === "restarting";
}

/** Whether a container runs, or somebody is about to start or to remove it. */
export async function isAlive(engine: Engine, id: string): Promise<boolean> {
  try {
    using lock = tryLock(dataDir(engine.directories, id));
    if (lock === undefined) return true;
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return false;
  }
  return isActive(await taskState(engine, { id }));
}

/** Kill what a shim that died has left running, and remove its cgroup. */
export async function endOrphans(engine: Engine, id: string): Promise<void> {
  const { builtIn } = await import("../runtime/mod.ts");
  const stateDir = execDir(engine.directories, id);
  const path = readTextIfExists(`${stateDir}/runtime`);
  const runtime = path === undefined
    ? builtIn
    : await (await otherRuntime()).namedRuntime({ id, path, env: engine.env, stateDir });
  await runtime.destroy({
    id,
    spec: { ociVersion: "1.2.0", linux: { cgroupsPath: `/ctr/${id}` } },
  });
}

/** Process ids are reused: the start time tells whether it is still the same process. */
function shimLives(state: TaskState): boolean {
  const stat = readTextIfExists(`/proc/${state.shimPid}/stat`);
  if (stat === undefined) return false;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] !== "Z" && Number(fields[19]) === state.shimStartTicks;
}

/**
 * A connection to the shim of a running container.
 *
 * @throws {CtrError} `failed_precondition` when it is not running
 */
export async function shimOf(
  engine: Engine,
  record: ContainerRecord,
  operation: string,
): Promise<ShimClient> {
  // The shim listens a moment after the container runs, and until a moment after it has ended.
  for (let pauseMs = 1;; pauseMs *= 2) {
    if (!isActive(await taskState(engine, record))) {
      throw new CtrError({
        code: "failed_precondition",
        operation,
        subject: record.name,
        reason: "container is not running",
      });
    }
    try {
      return await ShimClient.to(execDir(engine.directories, record.id));
    } catch (error) {
      if (pauseMs > 500) throw error;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
