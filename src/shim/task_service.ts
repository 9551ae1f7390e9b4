/**
 * The methods of the Task API on the tasks of one shim.
 *
 * @module
 */

import type { Listener } from "../../ffi/mod.ts";
import { CtrError } from "../errors.ts";
import type { OciProcess } from "../oci/mod.ts";
import { unlink } from "../program/mod.ts";
import { enableTrace, mark, now, span, traceEvents, tracing } from "../trace.ts";
import { decode } from "./protobuf.ts";
import { Task } from "./task.ts";
import { type CreateTaskOptions, type Method, METHODS, STATS_TYPE } from "./task_api.ts";
import type { ProcessExit } from "./types.ts";

const STATUS = { created: 1, running: 2, stopped: 3, paused: 4 } as const;

/** A task, and whether somebody has taken over to delete it. */
interface Entry {
  readonly task: Task;
  listener: Listener | undefined;
  deleting: boolean;
}

/** How the service is wired. */
export interface TaskServiceOptions {
  /** Field 22 of `/proc/self/stat`. */
  readonly shimStartTicks: number;
  /** Open the socket that all tasks are reached by, in this directory. */
  readonly share: (directory: string) => void;
  /** Open the socket of a container that runs now. */
  readonly listen: (execDir: string) => Listener;
  /** Run a command that deletes a container whose client is gone. */
  readonly cleanUp: (argv: readonly string[]) => void;
  /** Something ended: there may be nothing left to do. */
  readonly onEnded: () => void;
}

/** The tasks of a shim. */
export class TaskService {
  readonly #tasks = new Map<string, Entry>();
  readonly #options: TaskServiceOptions;
  readonly #bootedUs = now();
  #sawCreate: () => void = () => {};
  readonly #firstCreate = new Promise<void>((resolve) => this.#sawCreate = resolve);
  /** Tasks being made: a client sends what follows without waiting for the answer. */
  readonly #making = new Map<string, Promise<unknown>>();

  constructor(options: TaskServiceOptions) {
    this.#options = options;
  }

  /** Look which processes have ended. */
  reap(): void {
    const tasks = [...this.#tasks.values()].map(({ task }) => task);
    for (const task of tasks) task.reap();
    const owned = (pid: number) => tasks.some((task) => task.owns(pid));
    for (const { runtime } of tasks) runtime.reapOrphans?.(owned);
  }

  /** Call a method. @throws {CtrError} as the method does */
  async call(method: Method, payload: Uint8Array): Promise<Record<string, unknown>> {
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
        if (options.sharedDir !== undefined) this.#options.share(options.sharedDir);
        try {
          const task = new Task({
            id: request.id,
            bundle: request.bundle,
            rootfs: request.rootfs.map(({ target, lowers, ...mount }) => ({
              ...mount,
              ...(target === "" ? {} : { target }),
              ...(lowers.length === 0 ? {} : { lowers }),
            })),
            options,
            reapAgain: () => this.reap(),
            shimStartTicks: this.#options.shimStartTicks,
          });
          const { adopted } = options;
          const making = adopted === undefined
            ? span("create", () => task.create())
            : task.adopt(adopted);
          this.#making.set(request.id, making.catch(() => {}));
          this.#sawCreate();
          const pid = await making;
          this.#tasks.set(request.id, { task, listener: undefined, deleting: false });
          if (adopted !== undefined) this.#started(request.id);
          return { pid };
        } finally {
          this.#making.delete(request.id);
        }
      }
      case "Start": {
        const { id, execId } = decode(METHODS.Start.request, payload);
        await this.made(id);
        const task = this.task(id);
        const pid = await task.start(execId);
        if (execId === "") this.#started(id);
        return { pid };
      }
      case "Exec": {
        const request = decode(METHODS.Exec.request, payload);
        const spec = JSON.parse(new TextDecoder().decode(request.spec?.value)) as OciProcess;
        await this.task(request.id).addProcess(request.execId, spec, request.stdin !== "");
        return {};
      }
      case "Wait": {
        const { id, execId } = decode(METHODS.Wait.request, payload);
        await this.made(id);
        const fields = exitFields(await this.task(id).wait(execId));
        if (!tracing()) return fields;
        return { ...fields, trace: new TextEncoder().encode(JSON.stringify(traceEvents())) };
      }
      case "Delete": {
        const { id, execId } = decode(METHODS.Delete.request, payload);
        const entry = this.#tasks.get(id);
        // The client may leave at once: its wish is known, and nobody has to be called back.
        if (entry !== undefined && execId === "") entry.deleting = true;
        const { pid, exit } = await this.task(id).delete(execId).catch((error: unknown) => {
          if (entry !== undefined) entry.deleting = false;
          throw error;
        });
        if (execId === "") this.#forget(id);
        return { pid, ...exitFields(exit) };
      }
      case "Kill": {
        const { id, execId, signal } = decode(METHODS.Kill.request, payload);
        await this.task(id).kill(execId, signal);
        return {};
      }
      case "State": {
        const { id, execId } = decode(METHODS.State.request, payload);
        const { pid, status, exit } = this.task(id).state(execId);
        return { id, execId, pid, status: STATUS[status], ...exit ? exitFields(exit) : {} };
      }
      case "ResizePty": {
        const { id, execId, width, height } = decode(METHODS.ResizePty.request, payload);
        this.task(id).io(execId).resize(width, height);
        return {};
      }
      case "CloseIO": {
        const { id, execId } = decode(METHODS.CloseIO.request, payload);
        this.task(id).io(execId).endStdin();
        return {};
      }
      case "Pause":
      case "Resume": {
        await this.task(decode(METHODS.Pause.request, payload).id).pause(method === "Pause");
        return {};
      }
      case "Pids": {
        const { runtime, ref } = this.task(decode(METHODS.Pids.request, payload).id);
        const pids = await runtime.pids(ref);
        return { processes: pids.map((pid) => ({ pid })) };
      }
      case "Stats": {
        const { runtime, ref } = this.task(decode(METHODS.Stats.request, payload).id);
        const value = new TextEncoder().encode(JSON.stringify(await runtime.stats(ref)));
        return { stats: { typeUrl: STATS_TYPE, value } };
      }
      case "Connect": {
        const { id } = decode(METHODS.Connect.request, payload);
        return { shimPid: process.pid, taskPid: this.task(id).pid, version: "ctr" };
      }
      case "Shutdown":
        return {};
    }
  }

  /**
   * Wait for a Create that is under way, or, in a shim that has not seen any, that will come: the
   * sockets it was born with are two, and either may be read first.
   */
  async made(id: string): Promise<void> {
    await this.#firstCreate;
    const making = this.#making.get(id);
    if (making === undefined) return;
    await making;
    await Promise.resolve();
  }

  #started(id: string): void {
    // With a shared socket it is one link; otherwise after the answer, and not at all for a
    // container that has ended by then. Whoever looks too early looks again.
    const task = this.task(id);
    if (task.options.sharedDir !== undefined) this.#listen(id);
    else setTimeout(() => this.#listen(id), 0);
    void task.cleaned().then(() => this.#taskEnded(id, task));
  }

  #listen(id: string): void {
    const entry = this.#tasks.get(id);
    if (entry === undefined || entry.task.stopped) return;
    entry.listener = this.#options.listen(entry.task.options.execDir);
  }

  /** A task by its id. @throws {CtrError} `not_found` */
  task(id: string): Task {
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

  /**
   * With nobody connected: give up tasks that were never started, and forget those that have ended.
   *
   * @param isAlone asked again after each wait
   * @returns whether nothing is left
   */
  async settle(isAlone: () => boolean): Promise<boolean> {
    for (const [id, { task, deleting }] of [...this.#tasks]) {
      if (deleting) continue; // Delete forgets it when it is done
      await task.giveUpUnstarted();
      if (!task.stopped) continue;
      await task.cleaned();
      if (!isAlone()) return false;
      this.#giveUp(id);
    }
    return this.#tasks.size === 0 && this.#making.size === 0;
  }

  /** Nobody deletes a detached task; others belong to their client as long as it is connected. */
  #taskEnded(id: string, task: Task): void {
    // It may have been started again, and there is another task of this id by now.
    if (task.options.detached && this.#tasks.get(id)?.task === task) this.#giveUp(id);
    this.#options.onEnded();
  }

  /** Forget a task, and do what its client would have done. */
  #giveUp(id: string): void {
    const entry = this.#tasks.get(id);
    if (entry === undefined || entry.deleting) return;
    this.#forget(id);
    const { cleanup } = entry.task.options;
    if (cleanup !== undefined) this.#options.cleanUp(cleanup);
  }
}

function exitFields(exit: ProcessExit): Record<string, unknown> {
  const seconds = Math.floor(exit.exitedAt / 1000);
  const nanos = (exit.exitedAt % 1000) * 1_000_000;
  return { exitStatus: exit.exitCode, exitedAt: { seconds, nanos } };
}
