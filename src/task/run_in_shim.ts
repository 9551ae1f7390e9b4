/**
 * `ctr run` with a shim that runs before the container does.
 *
 * @module
 */

import { createRequest, type Shim } from "../shim/mod.ts";
import { mark, now } from "../trace.ts";
import type { PreparedContainer } from "./create.ts";
import type { Engine } from "./engine.ts";
import { discard, follow, type RunResult } from "./follow.ts";
import { startingNetwork } from "./network.ts";
import { newTask, rareOptions } from "./new_task.ts";
import type { RunningContainer, RunOptions } from "./types.ts";

/** With a shim that was spawned for it, or that it shares. */
export async function runWith(
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
  const rare = await rareOptions(engine, record);
  // What is started again outlives its first client.
  const detached = rare.restart !== undefined;
  const task = newTask(engine, record, mounts, { trace, sharedDir, detached, ...rare });
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
