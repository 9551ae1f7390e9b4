/**
 * Output into the files that containerd's clients name: FIFOs and ordinary files.
 *
 * @module
 */

import type { SyscallError } from "../errors.ts";
import { ERRNO, O } from "../linux/mod.ts";
import { call, close, fileKind, open } from "../program/mod.ts";
import type { OutputSink } from "./output_sink.ts";
import { StdinQueue } from "./stdin_queue.ts";

const F_SETPIPE_SZ = 1031;
/** What an ordinary user may have; the writer wakes up less often then. */
const PIPE_BYTES = 1 << 20;

/** One stream's way out. */
export class PipeWriter {
  readonly #queue: StdinQueue;
  #full: PromiseWithResolvers<void> | undefined;
  readonly #closed = Promise.withResolvers<void>();
  /** Our own reading end: without a reader that is here already, or comes, the process would see an error. */
  #reader: number | undefined;

  /** @param fd does not block, and becomes this writer's */
  constructor(fd: number, reader?: number) {
    this.#reader = reader;
    this.#queue = new StdinQueue(fd, false, (full) => {
      if (full) this.#full ??= Promise.withResolvers();
      else {
        this.#full?.resolve();
        this.#full = undefined;
      }
    }, () => this.#closed.resolve());
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    this.#queue.write(chunk);
    return this.#full?.promise;
  }

  /** Nobody who is not there already has to be waited for. */
  ending(): void {
    if (this.#reader !== undefined) close(this.#reader);
    this.#reader = undefined;
  }

  async close(): Promise<void> {
    this.ending();
    this.#queue.end();
    await this.#closed.promise;
  }
}

/** How long a client may need to open its end. */
const PATIENCE_MS = 2000;

/**
 * Open a FIFO, or append to another file. A client that opens the FIFO after all was written and closed
 * would find nothing, so it is waited for, as containerd's own shims do, though not for ever.
 */
export async function openPipeWriter(path: string): Promise<PipeWriter> {
  if (fileKind(path) === "file") {
    return new PipeWriter(open(path, O.O_WRONLY | O.O_APPEND));
  }
  const early = await openForReader(path);
  let ours: number | undefined;
  try {
    ours = open(path, O.O_RDONLY | O.O_NONBLOCK);
    const fd = early ?? open(path, O.O_WRONLY | O.O_NONBLOCK);
    try {
      call("fcntl", path, fd, F_SETPIPE_SZ, PIPE_BYTES);
    } catch {
      // It works with a small one, too.
    }
    return new PipeWriter(fd, ours);
  } catch (error) {
    for (const fd of [early, ours]) if (fd !== undefined) close(fd);
    throw error;
  }
}

/** Open to write as soon as somebody reads; undefined when nobody does. */
async function openForReader(path: string): Promise<number | undefined> {
  const deadline = performance.now() + PATIENCE_MS;
  for (let pauseMs = 1; performance.now() < deadline; pauseMs = Math.min(pauseMs * 2, 50)) {
    try {
      return open(path, O.O_WRONLY | O.O_NONBLOCK);
    } catch (error) {
      if ((error as SyscallError).errno !== ERRNO.ENXIO) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return undefined;
}

/** Both streams of a process; with a terminal there is one. */
export class PipeSink implements OutputSink {
  readonly #writers: { readonly stdout?: PipeWriter; readonly stderr?: PipeWriter };

  constructor(writers: { readonly stdout?: PipeWriter; readonly stderr?: PipeWriter }) {
    this.#writers = writers;
  }

  write(stream: "stdout" | "stderr", chunk: Uint8Array): Promise<void> | undefined {
    return this.#writers[stream]?.write(chunk);
  }

  ending(): void {
    for (const writer of Object.values(this.#writers)) writer.ending();
  }

  async close(): Promise<void> {
    await Promise.all(Object.values(this.#writers).map((writer) => writer.close()));
  }
}
