/**
 * Create, start, attach and wait in one: `ctr run`. Without a terminal and an input, `run_kept.ts` is
 * the way; with them, a shim boots while the image is resolved and the bundle written.
 *
 * @module
 */

import { keepable } from "../runtime/mod.ts";
import { createRequest, type Shim } from "../shim/mod.ts";
import { mark, now, span } from "../trace.ts";
import {
  makeContainer,
  prepareContainer,
  type PreparedContainer,
  recordContainer,
} from "./create.ts";
import type { Engine } from "./engine.ts";
import { discard, follow, type RunResult } from "./follow.ts";
import { startingNetwork } from "./network.ts";
import { logOf, newTask } from "./new_task.ts";
import { runKept } from "./run_kept.ts";
import type { RunningContainer, RunOptions } from "./types.ts";

/**
 * Run a container in the foreground. A container that cannot be started stays, unless `autoRemove`.
 *
 * @returns when it has ended and all its output was delivered, or when `detach` was called
 * @throws {CtrError} when it cannot be created or started; `canceled` when `signal` ended it
 */
export async function runContainer(engine: Engine, options: RunOptions): Promise<RunResult> {
  if (engine.keeper !== undefined && !options.openStdin && !options.tty) {
    const prepared = await prepareContainer(engine, options);
    try {
      const { runtime, logConfig } = prepared.record.hostConfig;
      if (runtime === undefined && logConfig === undefined && keepable(prepared.spec)) {
        return await runKept(engine, prepared, options);
      }
      const record = recordContainer(engine, prepared, options);
      return await runWith(engine, await engine.shim(), { ...prepared, record }, options);
    } finally {
      prepared.lock.release();
    }
  }
  // A shim that will be needed at once boots while the container is made.
  const shim = await span("spawn shim", () => engine.shim());
  let made: PreparedContainer;
  try {
    made = await makeContainer(engine, options);
  } catch (error) {
    shim.release();
    throw error;
  }
  try {
    return await runWith(engine, shim, made, options);
  } finally {
    made.lock.release();
  }
}

/** With a shim that was spawned for it, or that it shares. */
async function runWith(
  engine: Engine,
  shim: Shim,
  made: PreparedContainer,
  options: RunOptions,
): Promise<RunResult> {
  try {
    return await runInShim(engine, shim, made, options);
  } catch (error) {
    await discard(engine, shim, made.record, error);
    throw error;
  } finally {
    shim.release();
  }
}

async function runInShim(
  engine: Engine,
  shim: Shim,
  { record, mounts, lock }: PreparedContainer,
  options: RunOptions,
): Promise<RunResult> {
  const { client, sharedDir } = shim;
  const { id } = record;
  const startedUs = now();
  // All at once: the shim keeps the order, and round trips cost as much as system calls.
  const trace = options.trace ?? false;
  const log = await logOf(engine, record);
  const task = newTask(engine, record, mounts, { trace, sharedDir, ...log });
  const network = await startingNetwork(engine, record);
  const created = client.call("Create", createRequest(task));
  created.catch(() => {});
  const attachment = await shim.attach({ id }, options.onOutput ?? (() => {}), created);
  network?.connect((await created).pid);
  const started = client.call("Start", { id });
  const exit = client.call("Wait", { id });
  started.catch(() => {});
  exit.catch(() => {});
  await created;
  await started;
  lock.release();
  mark("start", startedUs);
  const left = Promise.withResolvers<"detached">();
  const container: RunningContainer = {
    id,
    name: record.name,
    writeStdin: (bytes) => attachment.write(bytes),
    endStdin: () => attachment.endStdin(),
    kill: async (signal) => void await client.call("Kill", { id, signal }),
    resize: async (width, height) => void await client.call("ResizePty", { id, width, height }),
    detach: () => left.resolve("detached"),
  };
  options.onStarted?.(container);
  return await follow(
    engine,
    { shim, attachment, exit, container, left: left.promise },
    options,
    record,
  );
}
