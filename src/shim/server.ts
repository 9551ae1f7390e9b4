/**
 * The shim's side of the Task API: connections in, tasks behind.
 *
 * @module
 */

import { type Connection, type ConnectionHandler, listen, type Listener } from "../../ffi/mod.ts";
import { codeOf, CtrError } from "../errors.ts";
import { call, close, ensureDirectory, O_ARCH, open, rmdir, unlink } from "../program/mod.ts";
import type { ForeignTasks } from "./containerd/foreign_tasks.ts";
import type { Attached } from "./process_io.ts";
import { decode, encode } from "./protobuf.ts";
import { socketPath } from "./socket_path.ts";
import {
  ATTACH_REQUEST,
  ATTACH_SERVICE,
  ERROR_TYPE,
  GRPC_CODES,
  type Method,
  METHODS,
  TASK_SERVICES,
} from "./task_api.ts";
import { TaskService } from "./task_service.ts";
import {
  errorFrame,
  FrameReader,
  parseRequest,
  type Request,
  responseFrame,
  type Status,
} from "./ttrpc.ts";

/** How a shim ends. */
export interface ShimServerOptions {
  /** It serves containerd, which says when it may end. */
  readonly foreign?: ForeignTasks;
  /** Field 22 of `/proc/self/stat`. */
  readonly shimStartTicks: number;
  /** There is nothing left to do, now or later. */
  readonly onIdle: () => void;
  /** Run a command that deletes a container whose client is gone. */
  readonly cleanUp: (argv: readonly string[]) => number;
}

/** Serves tasks until the last one is gone and nobody is connected. */
export class ShimServer {
  readonly #options: ShimServerOptions;
  readonly #service: TaskService;
  #connections = 0;
  readonly #clientLeft = Promise.withResolvers<void>();
  /** Closes clients that attached to a task that nobody has made yet. */
  readonly #early = new Set<() => void>();
  /** The socket that all tasks share, where they do. */
  #shared: { readonly directory: string; readonly listener: Listener } | undefined;

  constructor(options: ShimServerOptions) {
    this.#options = options;
    this.#service = new TaskService({
      shimStartTicks: options.shimStartTicks,
      clientLeft: this.#clientLeft.promise,
      share: (directory) => this.#share(directory),
      listen: (execDir) => this.#listen(execDir),
      cleanUp: options.cleanUp,
      foreign: options.foreign,
      onEnded: () => void this.#settle(),
    });
  }

  /** A client: what its connection brings goes to the returned handler. */
  accept(connection: () => Connection): ConnectionHandler {
    const frames = new FrameReader();
    let attached: Attached | undefined;
    this.#connections++;
    return {
      onData: (bytes) => {
        try {
          if (attached !== undefined) return attached.receive(bytes);
          frames.push(bytes);
          for (let frame; (frame = frames.next()) !== undefined;) {
            const request = parseRequest(frame);
            if (request === undefined) continue;
            if (request.service === ATTACH_SERVICE) {
              attached = this.#attach(connection(), frame.stream, request.payload);
              const stdio = frames.rest();
              if (stdio.length > 0) attached.receive(stdio);
              return;
            }
            void this.#answer(connection(), frame.stream, request);
          }
        } catch {
          connection().close(); // not ttrpc: nothing sensible can be answered
        }
      },
      onEnd: () => {
        if (attached === undefined) connection().end();
        else attached.endInput();
      },
      onClose: () => {
        attached?.leave();
        this.#connections--;
        this.#clientLeft.resolve();
        // Who could have made the task is gone.
        if (this.#early.size === this.#connections) { for (const close of this.#early) close(); }
        void this.#settle();
      },
    };
  }

  /** SIGCHLD. */
  reap(): void {
    this.#service.reap();
  }

  /** The connection carries stdio from now on; what comes before the task exists is kept. */
  #attach(connection: Connection, stream: number, payload: Uint8Array): Attached {
    const held: ((attached: Attached) => void)[] = [];
    let attached: Attached | undefined;
    const close = () => connection.close();
    this.#early.add(close);
    const begin = async () => {
      try {
        const { id, execId } = decode(ATTACH_REQUEST, payload);
        await this.#service.made(id);
        if (!this.#early.has(close)) return; // it left
        const io = this.#service.task(id).io(execId);
        connection.write(responseFrame(stream, new Uint8Array(0)));
        attached = io.attach(connection);
        for (const deliver of held) deliver(attached);
      } catch (error) {
        connection.write(errorFrame(stream, statusOf(error)));
        connection.end();
      } finally {
        this.#early.delete(close);
      }
    };
    void begin();
    const deliver = (what: (attached: Attached) => void) => {
      if (attached === undefined) held.push(what);
      else what(attached);
    };
    return {
      receive: (bytes) => deliver((to) => to.receive(bytes)),
      endInput: () => deliver((to) => to.endInput()),
      leave: () => {
        this.#early.delete(close);
        deliver((to) => to.leave());
      },
    };
  }

  async #answer(
    connection: Connection,
    stream: number,
    request: Request,
  ): Promise<void> {
    let reply: Uint8Array;
    try {
      const method = METHODS[request.method as Method];
      if (!TASK_SERVICES.includes(request.service) || method === undefined) {
        throw new CtrError({
          code: "not_implemented",
          operation: "call",
          subject: `${request.service}/${request.method}`,
          reason: "there is no such method",
        });
      }
      const result = await withTimeout(
        this.#service.call(request.method as Method, request.payload),
        request.timeoutNano,
        request.method,
      );
      reply = responseFrame(stream, encode(method.response, result));
    } catch (error) {
      reply = errorFrame(stream, statusOf(error));
    }
    connection.write(reply);
    // What it took so long for may be nobody's by now.
    if (request.method === "Delete" || this.#connections === 0) void this.#settle();
    if (request.method === "Shutdown" && this.#options.foreign !== undefined) {
      if (this.#service.empty) this.#options.onIdle();
    }
  }

  /** Open a socket. Its directory must exist, and the path be short enough. */
  listenAt(path: string): void {
    unlink(path);
    listen(path, (connection) => this.accept(() => connection));
  }

  /** Open the socket of a container, or let it lead to the one that all share. */
  #listen(execDir: string): Listener {
    if (this.#shared === undefined) return this.#listenIn(execDir);
    const path = `${execDir}/shim.sock`;
    ensureDirectory(execDir, 0o700);
    unlink(path);
    call("symlinkat", path, cstring(`${this.#shared.directory}/shim.sock`), -100, cstring(path));
    return { close: () => {} };
  }

  #share(directory: string): void {
    this.#shared ??= { directory, listener: this.#listenIn(directory) };
  }

  #listenIn(path: string): Listener {
    ensureDirectory(path, 0o700);
    const directory = open(path, O_ARCH.O_DIRECTORY);
    try {
      const socket = socketPath(path, directory);
      unlink(socket);
      return listen(socket, (connection) => this.accept(() => connection));
    } finally {
      close(directory);
    }
  }

  /** End when nothing runs and nobody is connected; what `--rm` left to do is done first. */
  async #settle(): Promise<void> {
    const isAlone = () => this.#connections === 0;
    if (!isAlone() || this.#options.foreign !== undefined) return;
    if (await this.#service.settle(isAlone) && isAlone()) {
      if (this.#shared !== undefined) {
        this.#shared.listener.close();
        unlink(`${this.#shared.directory}/shim.sock`);
        rmdir(this.#shared.directory);
      }
      this.#options.onIdle();
    }
  }
}

function cstring(text: string): Uint8Array {
  return new TextEncoder().encode(text + "\0");
}

/** The client's patience: what it asked for goes on, but it gets its answer. */
async function withTimeout<T>(work: Promise<T>, timeoutNano: number, method: string): Promise<T> {
  if (timeoutNano <= 0) return await work;
  work.catch(() => {});
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new CtrError({
      code: "deadline_exceeded",
      operation: "call",
      subject: method,
      reason: "it takes longer than the client wants to wait",
    });
    timer = setTimeout(() => reject(error), Math.min(timeoutNano / 1e6, 0x7fffffff));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** For those who know us with all its fields, for others with its one line. */
function statusOf(error: unknown): Status {
  const code = GRPC_CODES[codeOf(error)] ?? GRPC_CODES["internal"]!;
  if (!(error instanceof CtrError)) return { code, message: String(error) };
  const { operation, subject, reason, hint } = error;
  const fields = JSON.stringify({ code: error.code, operation, subject, reason, hint });
  const value = new TextEncoder().encode(fields);
  return { code, message: error.message, details: [{ typeUrl: ERROR_TYPE, value }] };
}
