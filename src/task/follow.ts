/**
 * What follows the start of a container in the foreground: its end, or the client's leave.
 *
 * @module
 */

import { CtrError, isNotFound } from "../errors.ts";
import type { Attachment, Shim, ShimClient } from "../shim/mod.ts";
import type { ContainerRecord } from "../state/mod.ts";
import { addTraceEvents, mark, now, span } from "../trace.ts";
import { tryLock } from "./container_lock.ts";
import { removeRecord } from "./create.ts";
import type { Engine } from "./engine.ts";
import { releaseNetwork } from "./network.ts";
import { dataDir } from "./place.ts";
import { taskState } from "./task_state.ts";
import type { RunningContainer, RunOptions } from "./types.ts";

/** How a run ended. */
export interface RunResult {
  readonly id: string;
  readonly exitCode: number;
  /** The client left before the container ended. */
  readonly detached: boolean;
}

/** A container that runs, and the shim that has it. */
export interface Followed {
  readonly shim: Pick<Shim, "client" | "sharedDir">;
  readonly attachment: Attachment;
  /** The answer to Wait. */
  readonly exit: ReturnType<typeof ShimClient.prototype.call<"Wait">>;
  readonly container: RunningContainer;
  /** Resolves when the client wants to leave. */
  readonly left: Promise<"detached">;
}

/** Until its end, or until the client leaves. */
export async function follow(
  engine: Engine,
  { shim, attachment, exit, container, left }: Followed,
  options: RunOptions,
  record: ContainerRecord,
): Promise<RunResult> {
  const { id } = record;
  const abort = () => void container.kill(9).catch(() => {});
  options.signal?.addEventListener("abort", abort);
  if (options.signal?.aborted) abort();
  const ranUs = now();
  const ended = Promise.all([exit, attachment.ended]);
  const result = await Promise.race([ended, left]);
  options.signal?.removeEventListener("abort", abort);
  mark("run", ranUs);
  if (result === "detached") {
    attachment.detach();
    // A shim of its own sees that it is alone; a shared one is told, unless this process ends first.
    if (shim.sharedDir !== undefined) {
      void ended.then(([exit]) => finish(engine, shim, { record, exit }), () => {});
    }
    return { id, exitCode: 0, detached: true };
  }
  if (options.trace) addTraceEvents(JSON.parse(new TextDecoder().decode(result[0].trace)));
  await span("remove", () => finish(engine, shim, { record, exit: result[0] }));
  if (options.signal?.aborted) throw canceled(record, options.signal);
  return { id, exitCode: result[0].exitStatus, detached: false };
}

/**
 * It has ended. The shim gives back the cgroup by itself; what is waited for is what the next command
 * could trip over: the name and the files.
 */
async function finish(
  engine: Engine,
  { client }: Pick<Shim, "client">,
  { record, exit: { exitedAt } }: {
    readonly record: ContainerRecord;
    readonly exit: Awaited<Followed["exit"]>;
  },
): Promise<void> {
  if (record.hostConfig.restartPolicy !== undefined) return; // it may be started again
  client.call("Delete", { id: record.id }).catch(() => {});
  if (!record.hostConfig.autoRemove) return;
  try {
    // Somebody who has it removes it as well, or starts it again.
    using lock = tryLock(dataDir(engine.directories, record.id));
    if (lock === undefined) return;
    const { startedAt } = await taskState(engine, record);
    if (exitedAt !== undefined && startedAt > exitedAt.seconds * 1000 + exitedAt.nanos / 1e6) {
      return;
    }
    await removeRecord(engine, record);
  } catch (error) {
    if (!isNotFound(error)) throw error; // somebody has removed it
  }
}

/** After a failure, in whatever state it is: no process stays, and with `autoRemove` nothing does. */
export async function discard(
  engine: Engine,
  { client }: Pick<Shim, "client">,
  record: ContainerRecord,
  error: unknown,
): Promise<void> {
  const { id } = record;
  await client.call("Delete", { id }).catch(() => {});
  if ((error as { code?: unknown } | null)?.code === "unavailable") {
    const { endOrphans } = await import("./task_state.ts");
    await endOrphans(engine, id); // the shim died
  }
  if (record.hostConfig.autoRemove) await removeRecord(engine, record);
  else await releaseNetwork(engine, record);
}

/** The error of a run that was canceled. */
export function canceled(record: ContainerRecord, signal: AbortSignal): CtrError {
  return new CtrError({
    code: "canceled",
    operation: "run container",
    subject: record.name,
    reason: "it was canceled",
    cause: signal.reason,
  });
}
