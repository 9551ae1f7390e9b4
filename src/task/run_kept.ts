/**
 * The hot path of `ctr run`: this process makes the container and watches it for a moment, and its
 * shim wakes up only when that was not enough.
 *
 * @module
 */

import { codeOf, CtrError } from "../errors.ts";
import { ProgramBuilder, runBehind } from "../program/mod.ts";
import { destroy } from "../runtime/mod.ts";
import { type KeptOutcome, KeptTask, type ShimClient } from "../shim/mod.ts";
import type { ContainerRecord } from "../state/mod.ts";
import { span } from "../trace.ts";
import { type PreparedContainer, recordContainer, removeRecord } from "./create.ts";
import type { Engine } from "./engine.ts";
import { canceled, discard, follow, type RunResult } from "./follow.ts";
import type { StartingNetwork } from "./container_network.ts";
import { isNetworked, startingNetwork } from "./network.ts";
import { newTask } from "./new_task.ts";
import type { RunningContainer, RunOptions } from "./types.ts";

/** Longer than what containers that end at once need, shorter than what anybody notices. */
const WATCH_MS = 25;

/** Run a container whose files exist and whose process can have a keeper. */
export async function runKept(
  engine: Engine,
  prepared: PreparedContainer,
  options: RunOptions,
): Promise<RunResult> {
  const { mounts, spec, lock } = prepared;
  const { id, hostConfig: { autoRemove } } = prepared.record;
  let record: ContainerRecord | undefined;
  const complete = () => record ??= recordContainer(engine, prepared, options);
  let task: KeptTask;
  let network: StartingNetwork | undefined;
  try {
    // Who has the same name as another, or loses a generated one to it, is told of that first.
    if (isNetworked(prepared.record)) network = await startingNetwork(engine, complete());
    const trace = options.trace ?? false;
    const toBe = newTask(engine, prepared.record, mounts, { trace, sharedDir: undefined });
    task = await KeptTask.start(toBe, spec, {
      shim: engine.keeper!,
      meanwhile: complete,
      beforeStart: network?.connect,
    });
  } catch (error) {
    await destroy({ id, spec });
    // One that could not be started stays, as it does in Docker; one that could not be named does not.
    network?.release();
    if (autoRemove || record === undefined && codeOf(error) === "conflict") {
      await removeRecord(engine, prepared.record);
    } else complete();
    throw error;
  }
  const { name } = complete();
  const left = Promise.withResolvers<"detached">();
  const reached = Promise.withResolvers<ShimClient>();
  reached.promise.catch(() => {});
  const container: RunningContainer = {
    id,
    name,
    writeStdin: () => undefined,
    endStdin: () => {},
    kill: async (signal) => void await (await reached.promise).call("Kill", { id, signal }),
    resize: async () => {},
    detach: () => left.resolve("detached"),
  };
  let outcome: KeptOutcome;
  try {
    options.onStarted?.(container);
    outcome = await task.watch(options.onOutput ?? (() => {}), WATCH_MS);
  } catch (error) {
    task.kill();
    await destroy({ id, spec });
    network?.release();
    if (autoRemove) await removeRecord(engine, prepared.record);
    throw error;
  }
  if (outcome.exit !== undefined) {
    reached.reject(hasEnded(name));
    await span("cgroup", () => destroy({ id, spec }));
    network?.release();
    if (autoRemove) await span("remove", () => removeBehind(engine, prepared.record));
    outcome.deliver();
    if (options.signal?.aborted) throw canceled(complete(), options.signal);
    return { id, exitCode: outcome.exit.exitCode, detached: false };
  }
  const { client, attachment, made } = outcome;
  const shim = { client, sharedDir: undefined };
  try {
    const exit = client.call("Wait", { id });
    exit.catch(() => {});
    await span("shim", () => made);
    lock.release();
    reached.resolve(client);
    const followed = { shim, attachment, exit, container, left: left.promise };
    return await follow(engine, followed, options, complete());
  } catch (error) {
    reached.reject(error);
    await discard(engine, shim, complete(), error);
    throw error;
  } finally {
    client.close();
  }
}

/** Nobody waits for the deletion of files that nobody sees any more. */
async function removeBehind(engine: Engine, record: ContainerRecord): Promise<void> {
  const behind = new ProgramBuilder("remove");
  await removeRecord(engine, record, behind);
  runBehind(behind);
}

function hasEnded(subject: string): CtrError {
  const reason = "process already finished";
  return new CtrError({ code: "not_found", operation: "signal", subject, reason });
}
