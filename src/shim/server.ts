/**
 * The shim's side of the Task API: connections in, tasks behind.
 *
 * @module
 */

import { type Connection, type ConnectionHandler, listen, type Listener } from "../../ffi/mod.ts";
import { codeOf, CtrError } from "../errors.ts";
import type { OciProcess } from "../oci/mod.ts";
import { call, close, open, unlink } from "../program/mod.ts";
import { enableTrace, mark, now, span, traceEvents, tracing } from "../trace.ts";
import { decode, encode } from "./protobuf.ts";
import { socketPath } from "./socket_path.ts";
import { Task } from "./task.ts";
import {
  ATTACH_REQUEST,
  ATTACH_SERVICE,
  type CreateTaskOptions,
  GRPC_CODES,
  type Method,
  METHODS,
  STATS_TYPE,
  TASK_SERVICES,
} from "./task_api.ts";
import { errorFrame, FrameReader, parseRequest, type Request, responseFrame } from "./ttrpc.ts";
import type { ProcessExit } from "./types.ts";

const STATUS = { created: 1, running: 2, stopped: 3, paused: 4 } as const;

/** A task, and whether somebody has taken over to delete it. */
interface Entry {
  readonly task: Task;
  listener: Listener | undefined;
  deleting: boolean;
}

/** A client's stdio. */
interface Attached {
  receive(bytes: Uint8Array): void;
  leave(): void;
}

/** Serves tasks until the last one is gone and nobody is connected. */
export class ShimServer {
  readonly #tasks = new Map<string, Entry>();
  /** Tasks being made: a client sends what follows without waiting for the answer. */
  #sawCreate: () => void = () => {};
  readonly #firstCreate = new Promise<void>((resolve) => this.#sawCreate = resolve);
  readonly #making = new Map<string, Promise<unknown>>();
  readonly #shimStartTicks: number;
  readonly #onIdle: () => void;
  readonly #cleanUp: (argv: readonly string[]) => void;
  readonly #bootedUs = now();
  #connections = 0;
  #creating = 0;

  /**
   * @param shimStartTicks field 22 of `/proc/self/stat`
   * @param onIdle there is nothing left to do, now or later
   * @param cleanUp run a command that deletes a task whose client is gone
   */
  constructor(
    options: {
      shimStartTicks: number;
      onIdle: () => void;
      cleanUp: (argv: readonly string[]) => void;
    },
  ) {
    this.#shimStartTicks = options.shimStartTicks;
    this.#onIdle = options.onIdle;
    this.#cleanUp = options.cleanUp;
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
      },
      onClose: () => {
        attached?.leave();
        this.#connections--;
        void this.#settle();
      },
    };
  }

  /** SIGCHLD. */
  reap(): void {
    for (const { task } of this.#tasks.values()) task.reap();
  }

  /** The connection carries stdio from now on; what comes before the task exists is kept. */
  #attach(connection: Connection, stream: number, payload: Uint8Array): Attached {
    const early: Uint8Array[] = [];
    let attached: Attached | undefined;
    let left = false;
    const begin = async () => {
      try {
        const { id, execId } = decode(ATTACH_REQUEST, payload);
        await this.#made(id);
        if (left) return;
        attached = this.#task(id).attach(execId, connection);
        connection.write(responseFrame(stream, new Uint8Array(0)));
        for (const bytes of early) attached.receive(bytes);
      } catch (error) {
        connection.write(errorFrame(stream, GRPC_CODES[codeOf(error)] ?? 13, messageOf(error)));
      }
    };
    void begin();
    return {
      receive: (bytes) => attached === undefined ? void early.push(bytes) : attached.receive(bytes),
      leave: () => {
        left = true;
        attached?.leave();
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
        this.#call(request.method as Method, request.payload),
        request.timeoutNano,
        request.method,
      );
      reply = responseFrame(stream, encode(method.response, result));
    } catch (error) {
      reply = errorFrame(stream, GRPC_CODES[codeOf(error)] ?? 13, messageOf(error));
    }
    connection.write(reply);
    if (request.method === "Delete") void this.#settle();
  }

  async #call(method: Method, payload: Uint8Array): Promise<Record<string, unknown>> {
    switch (method) {
      case "Create": {
        const request = decode(METHODS.Create.request, payload);
        const options = JSON.parse(
          new TextDecoder().decode(request.options?.value),
        ) as CreateTaskOptions;
        if (options.trace) {
          enableTrace(process.pid);
          mark("shim boot", performance.timeOrigin * 1000, { endUs: this.#bootedUs });
          mark("wait for create", this.#bootedUs);
        }
        this.#creating++;
        try {
          const task = new Task({
            id: request.id,
            bundle: request.bundle,
            rootfs: request.rootfs.map(({ target, ...mount }) =>
              target === "" ? mount : { ...mount, target }
            ),
            options,
            shimStartTicks: this.#shimStartTicks,
          });
          const making = span("create", () => task.create());
          this.#making.set(request.id, making.catch(() => {}));
          this.#sawCreate();
          const pid = await making;
          this.#tasks.set(request.id, { task, listener: undefined, deleting: false });
          return { pid };
        } finally {
          this.#making.delete(request.id);
          this.#creating--;
        }
      }
      case "Start": {
        const { id, execId } = decode(METHODS.Start.request, payload);
        await this.#made(id);
        const task = this.#task(id);
        const pid = task.start(execId);
        if (execId === "") {
          // After the answer: nobody can look for the socket before they know of the container.
          queueMicrotask(() => this.#listen(id));
          void task.cleaned().then(() => this.#settle());
        }
        return { pid };
      }
      case "Exec": {
        const request = decode(METHODS.Exec.request, payload);
        const spec = JSON.parse(new TextDecoder().decode(request.spec?.value)) as OciProcess;
        await this.#task(request.id).addProcess(request.execId, spec);
        return {};
      }
      case "Wait": {
        const { id, execId } = decode(METHODS.Wait.request, payload);
        await this.#made(id);
        const fields = exitFields(await this.#task(id).wait(execId));
        if (!tracing()) return fields;
        return { ...fields, trace: new TextEncoder().encode(JSON.stringify(traceEvents())) };
      }
      case "Delete": {
        const { id, execId } = decode(METHODS.Delete.request, payload);
        const entry = this.#tasks.get(id);
        // The client may leave at once: its wish is known, and nobody has to be called back.
        if (entry !== undefined && execId === "") entry.deleting = true;
        const { pid, exit } = await this.#task(id).delete(execId).catch((error: unknown) => {
          if (entry !== undefined) entry.deleting = false;
          throw error;
        });
        if (execId === "") this.#forget(id);
        return { pid, ...exitFields(exit) };
      }
      case "Kill": {
        const { id, execId, signal } = decode(METHODS.Kill.request, payload);
        this.#task(id).kill(execId, signal);
        return {};
      }
      case "State": {
        const { id, execId } = decode(METHODS.State.request, payload);
        const { pid, status, exit } = this.#task(id).state(execId);
        return { id, execId, pid, status: STATUS[status], ...exit ? exitFields(exit) : {} };
      }
      case "ResizePty": {
        const { id, execId, width, height } = decode(METHODS.ResizePty.request, payload);
        this.#task(id).resize(execId, width, height);
        return {};
      }
      case "CloseIO": {
        const { id, execId } = decode(METHODS.CloseIO.request, payload);
        this.#task(id).closeStdin(execId);
        return {};
      }
      case "Pause":
      case "Resume": {
        await this.#task(decode(METHODS.Pause.request, payload).id).pause(method === "Pause");
        return {};
      }
      case "Pids": {
        const pids = await this.#task(decode(METHODS.Pids.request, payload).id).pids();
        return { processes: pids.map((pid) => ({ pid })) };
      }
      case "Stats": {
        const stats = await this.#task(decode(METHODS.Stats.request, payload).id).stats();
        const value = new TextEncoder().encode(JSON.stringify(stats));
        return { stats: { typeUrl: STATS_TYPE, value } };
      }
      case "Connect": {
        const { id } = decode(METHODS.Connect.request, payload);
        return { shimPid: process.pid, taskPid: this.#task(id).pid, version: "ctr" };
      }
      case "Shutdown":
        return {};
    }
  }

  /**
   * Wait for a Create that is under way, or, in a shim that has not seen any, that will come: the
   * sockets it was born with are two, and either may be read first.
   */
  async #made(id: string): Promise<void> {
    await this.#firstCreate;
    const making = this.#making.get(id);
    if (making === undefined) return;
    await making;
    await Promise.resolve();
  }

  #listen(id: string): void {
    const entry = this.#tasks.get(id);
    if (entry === undefined || entry.task.stopped) return;
    const directory = open(entry.task.options.execDir, 0o200000);
    try {
      const path = socketPath(entry.task.options.execDir, directory);
      unlink(path);
      entry.listener = listen(path, (connection) => this.accept(() => connection));
      call("fchmodat", path, -100, new TextEncoder().encode(path + "\0"), 0o600);
    } finally {
      close(directory);
    }
  }

  #task(id: string): Task {
    const entry = this.#tasks.get(id);
    if (entry !== undefined) return entry.task;
    throw new CtrError({
      code: "not_found",
      operation: "find task",
      subject: id,
      reason: "no such task",
    });
  }

  #forget(id: string): void {
    const entry = this.#tasks.get(id);
    entry?.listener?.close();
    if (entry !== undefined) unlink(`${entry.task.options.execDir}/shim.sock`);
    this.#tasks.delete(id);
  }

  /** End when nothing runs and nobody is connected; what `--rm` left to do is done first. */
  async #settle(): Promise<void> {
    if (this.#connections > 0 || this.#creating > 0) return;
    for (const { task } of this.#tasks.values()) if (!task.stopped) return;
    for (const [id, { task, deleting }] of [...this.#tasks]) {
      if (deleting) return; // Delete settles again when it is done
      await task.cleaned();
      if (this.#connections > 0) return;
      this.#forget(id);
      if (task.options.cleanup !== undefined) this.#cleanUp(task.options.cleanup);
    }
    if (this.#tasks.size === 0) this.#onIdle();
  }
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

function exitFields(exit: ProcessExit): Record<string, unknown> {
  const seconds = Math.floor(exit.exitedAt / 1000);
  const nanos = (exit.exitedAt % 1000) * 1_000_000;
  return { exitStatus: exit.exitCode, exitedAt: { seconds, nanos } };
}

/** The error for a client that shows it to a person: JSON of its fields, or its one line. */
function messageOf(error: unknown): string {
  if (error instanceof CtrError) {
    const { code, operation, subject, reason, hint } = error;
    return JSON.stringify({ code, operation, subject, reason, hint });
  }
  return String(error);
}
