/**
 * The hot path of `ctr run`: this process makes the container and watches it for a moment, and its
 * shim wakes up only when that was not enough.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { destroy } from "../runtime/mod.ts";
import { KeptTask, type ShimClient } from "../shim/mod.ts";
import { span } from "../trace.ts";
import { writeConfig } from "./bundle.ts";
import { type MadeContainer, removeRecord } from "./create.ts";
import type { Engine } from "./engine.ts";
import { canceled, discard, follow, type RunResult } from "./follow.ts";
import { newTask } from "./new_task.ts";
import type { RunningContainer, RunOptions } from "./types.ts";

/** Longer than what containers that end at once need, shorter than what anybody notices. */
const WATCH_MS = 25;

/** Run a container that was made and whose process can have a keeper. */
export async function runKept(
  engine: Engine,
  { record, mounts, spec, lock }: MadeContainer,
  options: RunOptions,
): Promise<RunResult> {
  const { id, name } = record;
  const { autoRemove } = record.hostConfig;
  let task: KeptTask;
  try {
    const trace = options.trace ?? false;
    const toBe = newTask(engine, record, mounts, { trace, sharedDir: undefined });
    task = await KeptTask.start(toBe, spec, {
      shim: engine.keeper!,
      meanwhile: () => writeConfig(toBe.bundle, spec),
    });
  } catch (error) {
    if (autoRemove) await removeRecord(engine, record);
    throw error;
  }
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
  options.onStarted?.(container);
  const outcome = await task.watch(options.onOutput ?? (() => {}), WATCH_MS);
  if (outcome.exit !== undefined) {
    reached.reject(hasEnded(name));
    await span("cgroup", () => destroy({ id, spec }));
    if (autoRemove) await span("remove", () => removeRecord(engine, record));
    if (options.signal?.aborted) throw canceled(record, options.signal);
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
    return await follow(engine, followed, options, record);
  } catch (error) {
    reached.reject(error);
    await discard(engine, shim, record, error);
    throw error;
  } finally {
    client.close();
  }
}

function hasEnded(subject: string): CtrError {
  const reason = "process already finished";
  return new CtrError({ code: "not_found", operation: "signal", subject, reason });
}
