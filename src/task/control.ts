/**
 * What is done to containers that exist: start, stop, kill, wait, pause, remove.
 *
 * @module
 */

import { CtrError, isNotFound } from "../errors.ts";
import { parseSignal } from "../linux/mod.ts";
import type { ContainerRecord } from "../state/mod.ts";
import { removeFiles } from "./create.ts";
import type { Engine } from "./engine.ts";
import { startDetached } from "./run.ts";
import { shimOf, taskState } from "./task_state.ts";

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
export async function startContainer(engine: Engine, reference: string): Promise<ContainerRecord> {
  const record = engine.state.containers.resolve(reference, "start");
  const state = await taskState(engine, record);
  if (state.status === "running" || state.status === "paused") return record;
  const mounts = record.snapshotKey === ""
    ? []
    : await engine.snapshotter.mounts(record.snapshotKey);
  await startDetached(engine, record, mounts);
  return record;
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
  const state = await taskState(engine, record);
  if (state.status !== "running" && state.status !== "paused") return;
  const { id } = record;
  const shim = await shimOf(engine, record, "stop");
  try {
    const timeoutSec = options.timeoutSec ?? record.config.stopTimeoutSec;
    const exited = shim.call("Wait", { id }).then(() => true, () => true);
    const kill = (signal: number) =>
      shim.call("Kill", { id, signal }).catch((error) => {
        if (!isNotFound(error)) throw error;
      });
    await kill(signalNumber(options.signal ?? record.config.stopSignal));
    if (state.status === "paused") await shim.call("Resume", { id });
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

/** Wait until a container has ended. Returns its exit code; at once for one that is not running. */
export async function waitContainer(engine: Engine, reference: string): Promise<number> {
  const record = engine.state.containers.resolve(reference, "wait");
  const state = await taskState(engine, record);
  if (state.status !== "running" && state.status !== "paused") return state.exitCode;
  const shim = await shimOf(engine, record, "wait");
  try {
    return (await shim.call("Wait", { id: record.id })).exitStatus;
  } finally {
    shim.close();
  }
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
  const record = engine.state.containers.resolve(reference, "remove");
  const { id } = record;
  const state = await taskState(engine, record);
  if (state.status === "running" || state.status === "paused") {
    if (!options.force) {
      throw new CtrError({
        code: "failed_precondition",
        operation: "remove container",
        subject: record.name,
        reason: `container is ${state.status}`,
        hint: "stop it first, or force the removal",
      });
    }
    try {
      const shim = await shimOf(engine, record, "remove");
      const exited = shim.call("Wait", { id });
      exited.catch(() => {});
      if (state.status === "paused") await shim.call("Resume", { id });
      await shim.call("Kill", { id, signal: 9 });
      await exited;
      await shim.call("Delete", { id });
      shim.close();
    } catch (error) {
      // It ended meanwhile, by itself or through another remove.
      const { code } = error as { code?: string };
      if (!["not_found", "unavailable", "failed_precondition"].includes(code ?? "")) throw error;
    }
  }
  const { destroy } = await import("../runtime/mod.ts");
  await destroy({ id, spec: { ociVersion: "1.2.0", linux: { cgroupsPath: `/ctr/${id}` } } });
  engine.state.containers.remove(id);
  await removeFiles(engine, record);
}
