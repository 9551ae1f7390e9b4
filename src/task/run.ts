/**
 * Create, start, attach and wait in one: the hot path of `ctr run`. The shim boots while the image is
 * resolved and the bundle written.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { Attachment, Shim, ShimClient } from "../shim/mod.ts";
import { addTraceEvents, mark, now, span } from "../trace.ts";
import type { ContainerRecord } from "../state/mod.ts";
import { type MadeContainer, makeContainer, removeRecord } from "./create.ts";
import { createRequest } from "./create_request.ts";
import type { Engine } from "./engine.ts";
import type { RunningContainer, RunOptions } from "./types.ts";

/** How a run ended. */
export interface RunResult {
  readonly id: string;
  readonly exitCode: number;
  /** The client left before the container ended. */
  readonly detached: boolean;
}

/**
 * Run a container in the foreground. A container that cannot be started stays, unless `autoRemove`.
 *
 * @returns when it has ended and all its output was delivered, or when `detach` was called
 * @throws {CtrError} when it cannot be created or started; `canceled` when `signal` ended it
 */
export async function runContainer(engine: Engine, options: RunOptions): Promise<RunResult> {
  const shim = await span("spawn shim", () => engine.shim());
  let made: MadeContainer;
  try {
    made = await makeContainer(engine, options);
  } catch (error) {
    shim.release();
    throw error;
  }
  try {
    return await runMade(engine, shim, made, options);
  } catch (error) {
    await discard(engine, shim, made.record, error);
    throw error;
  } finally {
    made.lock.release();
    shim.release();
  }
}

async function runMade(
  engine: Engine,
  shim: Shim,
  { record, mounts, lock }: MadeContainer,
  options: RunOptions,
): Promise<RunResult> {
  const { client, sharedDir } = shim;
  const { id } = record;
  let left!: () => void;
  const detached = new Promise<"detached">((resolve) => left = () => resolve("detached"));
  const startedUs = now();
  // All at once: the shim keeps the order, and round trips cost as much as system calls.
  const trace = options.trace ?? false;
  const created = client.call(
    "Create",
    createRequest(engine, record, mounts, { trace, sharedDir }),
  );
  created.catch(() => {});
  const attachment = await shim.attach({ id }, options.onOutput ?? (() => {}), created);
  const started = client.call("Start", { id });
  const exit = client.call("Wait", { id });
  started.catch(() => {});
  exit.catch(() => {});
  await created;
  await started;
  lock.release();
  mark("start", startedUs);
  const container = running(record, client, attachment, left);
  const abort = () => void container.kill(9).catch(() => {});
  options.signal?.addEventListener("abort", abort);
  if (options.signal?.aborted) abort();
  options.onStarted?.(container);
  const ranUs = now();
  const ended = Promise.all([exit, attachment.ended]);
  const result = await Promise.race([ended, detached]);
  options.signal?.removeEventListener("abort", abort);
  mark("run", ranUs);
  if (result === "detached") {
    attachment.detach();
    // A shim of its own sees that it is alone; a shared one is told, unless this process ends first.
    if (sharedDir !== undefined) void ended.then(() => finish(engine, shim, record), () => {});
    return { id, exitCode: 0, detached: true };
  }
  if (trace) addTraceEvents(JSON.parse(new TextDecoder().decode(result[0].trace)));
  await span("remove", () => finish(engine, shim, record));
  if (options.signal?.aborted) throw canceled(record, options.signal);
  return { id, exitCode: result[0].exitStatus, detached: false };
}

function running(
  record: ContainerRecord,
  client: ShimClient,
  attachment: Attachment,
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

/**
 * It has ended. The shim gives back the cgroup by itself; what is waited for is what the next command
 * could trip over: the name and the files.
 */
async function finish(engine: Engine, { client }: Shim, record: ContainerRecord): Promise<void> {
  client.call("Delete", { id: record.id }).catch(() => {});
  if (record.hostConfig.autoRemove) await removeRecord(engine, record);
}

/** After a failure, in whatever state it is: no process stays, and with `autoRemove` nothing does. */
export async function discard(
  engine: Engine,
  { client }: Shim,
  record: ContainerRecord,
  error: unknown,
): Promise<void> {
  const { id } = record;
  await client.call("Delete", { id }).catch(() => {});
  if ((error as { code?: unknown } | null)?.code === "unavailable") {
    const { endOrphans } = await import("./task_state.ts");
    await endOrphans(id); // the shim died
  }
  if (record.hostConfig.autoRemove) await removeRecord(engine, record);
}

function canceled(record: ContainerRecord, signal: AbortSignal): CtrError {
  return new CtrError({
    code: "canceled",
    operation: "run container",
    subject: record.name,
    reason: "it was canceled",
    cause: signal.reason,
  });
}
