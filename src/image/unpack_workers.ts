/**
 * Threads that unpack layers, while this one downloads and stores them. A thread costs some
 * milliseconds and megabytes, and pays only for large images.
 *
 * @module
 */

import { Worker } from "node:worker_threads";
import { CtrError } from "../errors.ts";
import type { ApplyResult } from "../snapshot/mod.ts";
import { type Answer, errorOf, type Order } from "./unpack_messages.ts";
import { unpackTar, type UnpackTask } from "./unpack_tar.ts";

/** Bytes of one layer that a thread may have before it. More would only fill memory. */
const WINDOW = 1 << 20;

/** Unpacks layers, some at the same time. */
export interface Unpacker {
  /**
   * As `unpackTar`.
   *
   * @param bytes how large it is, about
   */
  unpack(task: UnpackTask, source: AsyncIterable<Uint8Array>, bytes: number): Promise<ApplyResult>;
  close(): void;
}

interface Job {
  taken(bytes: number): void;
  done(result: ApplyResult): void;
  failed(error: unknown): void;
}

/** One thread and the layers that it has. */
class Thread {
  readonly #worker: Worker;
  readonly #jobs = new Map<number, Job>();
  readonly ready: Promise<void>;
  /** Bytes of the layers that it has. */
  load = 0;

  constructor(script: string | URL) {
    this.#worker = new Worker(script);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    promise.catch(() => {});
    const broken = (cause: unknown): void => {
      const error = new CtrError({
        code: "internal",
        operation: "unpack layer",
        reason: "its thread ended",
        cause,
      });
      reject(error);
      for (const job of this.#jobs.values()) job.failed(error);
      this.#jobs.clear();
    };
    this.#worker.on("message", (answer: Answer) => {
      if ("ready" in answer) return resolve();
      const job = this.#jobs.get(answer.id);
      if ("taken" in answer) return job?.taken(answer.taken);
      this.#jobs.delete(answer.id);
      if ("result" in answer) job?.done(answer.result);
      else job?.failed(errorOf(answer.error));
    });
    this.#worker.on("error", broken);
    this.#worker.on("exit", (code) => broken(new Error(`exit code ${code}`)));
  }

  async run(
    id: number,
    task: UnpackTask,
    source: AsyncIterable<Uint8Array>,
  ): Promise<ApplyResult> {
    const ended = Promise.withResolvers<ApplyResult>();
    ended.promise.catch(() => {});
    let over = false;
    let before = 0;
    let wake = (): void => {};
    const end = (): void => {
      over = true;
      wake();
    };
    this.#jobs.set(id, {
      taken: (bytes) => {
        before -= bytes;
        wake();
      },
      done: (result) => (end(), ended.resolve(result)),
      failed: (error) => (end(), ended.reject(error)),
    });
    this.#send({ id, begin: task });
    try {
      for await (const bytes of source) {
        if (over) break;
        before += bytes.length;
        const chunk = ownBuffer(bytes);
        this.#send({ id, chunk }, [chunk]);
        while (before > WINDOW && !over) await new Promise<void>((resolve) => wake = resolve);
      }
      this.#send({ id, end: "complete" });
    } catch (error) {
      this.#send({ id, end: "failed" });
      await ended.promise.catch(() => {}); // it must have stopped writing
      throw error;
    }
    return await ended.promise;
  }

  #send(order: Order, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(order, transfer);
  }

  /** Only when it has no layer. */
  close(): void {
    this.#worker.removeAllListeners();
    void this.#worker.terminate();
  }
}

/** Start threads. Where there can be none, because the script is not there, this thread does it. */
export function startThreads(script: string | URL, count: number): Unpacker {
  const threads = Array.from({ length: count }, () => new Thread(script));
  let jobs = 0;
  return {
    unpack: async (task, source, bytes) => {
      const thread = threads.reduce((a, b) => b.load < a.load ? b : a);
      thread.load += bytes;
      try {
        return await thread.ready.then(() => true, () => false)
          ? await thread.run(jobs++, task, source)
          : await unpackTar(task, source);
      } finally {
        thread.load -= bytes;
      }
    },
    close: () => {
      for (const thread of threads) thread.close();
    },
  };
}

/** A buffer with these bytes alone, which can be given away. */
function ownBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer, byteLength } = bytes;
  const whole = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength;
  return whole ? buffer : bytes.slice().buffer as ArrayBuffer;
}
