/**
 * A program that gets a container's output: `binary:///path/to/logger?flag=value`.
 *
 * It reads stdout from descriptor 3 and stderr from 4, closes 5 when it is ready, and ends at the end of
 * both. It is told of the container by CONTAINER_ID and CONTAINER_NAMESPACE.
 *
 * @see https://pkg.go.dev/github.com/containerd/containerd/runtime/v2/logging
 * @module
 */

import { chunks } from "../../../ffi/mod.ts";
import { CtrError } from "../../errors.ts";
import { SIGNALS } from "../../linux/mod.ts";
import { close, kill, open, pipe, setNonblocking, spawnHost } from "../../program/mod.ts";
import { ownerParts } from "../../runtime/mod.ts";
import type { OutputSink } from "../output_sink.ts";
import { PipeSink, PipeWriter } from "../pipe_sink.ts";
import type { StdioOwner } from "./stdio.ts";

const READY_MS = 10_000;
/** How long it may take to write what it has read. */
const END_MS = 12_000;

/** Start it, and wait until it is ready. @throws {CtrError} when it is not */
export async function startLogger(uri: URL, owner: StdioOwner): Promise<OutputSink> {
  const executable = decodeURIComponent(uri.pathname);
  const args = [...uri.searchParams].flatMap(([key, value]) => value === "" ? [key] : [key, value]);
  const [outRead, out] = pipe();
  const [errRead, err] = pipe();
  const [ready, isReady] = pipe();
  const devNull = open("/dev/null", 2);
  let pid: number;
  try {
    pid = spawnHost({
      argv: [executable, ...args],
      env: [
        ...owner.env,
        `CONTAINER_ID=${owner.id}`,
        `CONTAINER_NAMESPACE=${owner.namespace}`,
      ],
      fds: [devNull, devNull, devNull, outRead, errRead, isReady],
      newSession: true,
      cwd: "/",
    });
  } catch (error) {
    for (const fd of [out, err, ready]) close(fd);
    throw error;
  } finally {
    for (const fd of [outRead, errRead, isReady, devNull]) close(fd);
  }
  setNonblocking(out);
  setNonblocking(err);
  const sink = new PipeSink({ stdout: new PipeWriter(out), stderr: new PipeWriter(err) });
  if (!await endsWithin(ready, READY_MS)) {
    kill(pid, SIGNALS.SIGKILL);
    await sink.close();
    await (await ownerParts()).childEnded(pid);
    throw new CtrError({
      code: "deadline_exceeded",
      operation: "start logger",
      subject: executable,
      reason: `it did not close descriptor 5 within ${READY_MS / 1000} s`,
    });
  }
  return {
    write: (stream, chunk) => sink.write(stream, chunk),
    async close() {
      await sink.close();
      const timers = [
        setTimeout(() => kill(pid, SIGNALS.SIGTERM), END_MS),
        setTimeout(() => kill(pid, SIGNALS.SIGKILL), END_MS + 2000),
      ];
      await (await ownerParts()).childEnded(pid);
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** Whether everybody who could write to a pipe has closed it in time. */
async function endsWithin(fd: number, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), ms));
  const ended = (async () => {
    for await (const _ of chunks(fd, "pipe"));
    return true as const;
  })();
  try {
    return await Promise.race([ended, late]);
  } finally {
    clearTimeout(timer);
  }
}
