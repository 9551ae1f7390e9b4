/**
 * Create, start, attach and wait in one: `ctr run`. Without a terminal and an input, `run_kept.ts` is
 * the way; with them, a shim boots while the image is resolved and the bundle written.
 *
 * @module
 */

import { keepable } from "../runtime/mod.ts";
import type { Shim } from "../shim/mod.ts";
import { span } from "../trace.ts";
import {
  makeContainer,
  prepareContainer,
  type PreparedContainer,
  recordContainer,
} from "./create.ts";
import type { Engine } from "./engine.ts";
import type { RunResult } from "./follow.ts";
import { runKept } from "./run_kept.ts";
import type { RunOptions } from "./types.ts";

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
      const { runtime, logConfig, restartPolicy, networkMode } = prepared.record.hostConfig;
      const rare = runtime ?? logConfig ?? restartPolicy;
      const plain = rare === undefined && !networkMode.startsWith("container:");
      if (plain && keepable(prepared.spec)) {
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

async function runWith(
  engine: Engine,
  shim: Shim,
  made: PreparedContainer,
  options: RunOptions,
): Promise<RunResult> {
  return await (await import("./run_in_shim.ts")).runWith(engine, shim, made, options);
}
