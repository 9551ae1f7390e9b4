/**
 * The methods of the Task API on the tasks of one shim.
 *
 * @module
 */

import type { Listener } from "../../ffi/mod.ts";
import type { OciProcess } from "../oci/mod.ts";
import { unlink } from "../program/mod.ts";
import { enableTrace, mark, now, span, traceEvents, tracing } from "../trace.ts";
import type { ForeignTasks } from "./containerd/foreign_tasks.ts";
import { decode, type Decoded } from "./protobuf.ts";
import { Task } from "./task.ts";
import { noSuchTask } from "./task_process.ts";
import { mountsOf } from "./create_request.ts";
import { exitFields, stateFields } from "./exit_fields.ts";
import { ATTACHED, type CreateTaskOptions, type Method, METHODS } from "./task_api.ts";
import { pathsOf, type TaskOptions } from "./types.ts";

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
  /** Resolves when a client is gone. */
  readonly clientLeft: Promise<void>;
  /** Open the socket that all tasks are reached by, in this directory. */
  readonly share: (directory: string) => void;
  /** Open the socket of a container that runs now. */
  readonly listen: (execDir: string) => Listener;
  /** Run a command that deletes a container whose client is gone. @returns its process */
  readonly cleanUp: (argv: readonly string[]) => number;
  /** Its tasks are made for containerd, which tells it where their streams go. */
  readonly foreign?: ForeignTasks | undefined;
  /** Something ended: there may be nothing left to do. */
  readonly onEnded: () => void;
}

/** The tasks of a shim. */
export class TaskService {
  readonly #tasks = new Map<string, Entry>();
  readonly #options: TaskServiceOptions;
  #restarting = 0;
  readonly #bootedUs = now();
  #sawCreate: () => void = () => {};
  readonly #firstCreate = new Promise<void>((resolve) => this.#sawCreate = resolve);
  /** Tasks being made: a client sends what follows without waiting for the answer. */
  readonly #making = new Map<string, Promise<unknown>>();

  constructor(options: TaskServiceOptions) {
    this.#options = options;
  }

  /** SIGCHLD. */
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
        const made = await this.#optionsOf(request);
        const { options } = made;
        if (options.trace) traceSince(this.#bootedUs);
        if (options.sharedDir !== undefined) this.#options.share(options.sharedDir);
        try {
          const task = new Task({
            id: request.id,
            bundle: request.bundle,
            rootfs: mountsOf(request),
            ...made,
            reapAgain: () => this.reap(),
            clientLeft: this.#options.clientLeft,
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
          this.#options.foreign?.created(request, pid);
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
        this.#options.foreign?.started(task, execId, pid);
        return { pid };
      }
      case "Exec": {
        const request = decode(METHODS.Exec.request, payload);
        const spec = JSON.parse(new TextDecoder().decode(request.spec?.value)) as OciProcess;
        const stdio = { openStdin: request.stdin !== "" };
        const named = request.stdin !== ATTACHED && this.#options.foreign !== undefined;
        await this.task(request.id).addProcess(
          request.execId,
          spec,
          named ? { ...stdio, paths: pathsOf(request) } : stdio,
        );
        this.#options.foreign?.publish("exec-added", {
          containerId: request.id,
          execId: request.execId,
        });
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
        if (execId === "") {
          this.#forget(id);
          this.#options.foreign?.publish("delete", { containerId: id, pid, ...exitFields(exit) });
        }
        return { pid, ...exitFields(exit) };
      }
      case "Kill": {
        const { id, execId, signal, all } = decode(METHODS.Kill.request, payload);
        await this.task(id).kill(execId, signal, all);
        return {};
      }
      case "State": {
        const { id, execId } = decode(METHODS.State.request, payload);
        return { id: execId || id, execId, ...stateFields(this.task(id).state(execId)) };
      }
      case "ResizePty": {
        const { id, execId, width, height } = decode(METHODS.ResizePty.request, payload);
        this.task(id).resize(execId, width, height);
        return {};
      }
      case "CloseIO": {
        const { id, execId } = decode(METHODS.CloseIO.request, payload);
        this.task(id).io(execId).endStdin();
        return {};
      }
      case "Pause":
      case "Resume": {
        const { id } = decode(METHODS.Pause.request, payload);
        await this.task(id).pause(method === "Pause");
        const kind = method === "Pause" ? "paused" : "resumed";
        this.#options.foreign?.publish(kind, { containerId: id });
        return {};
      }
      case "Pids":
      case "Stats":
      case "Update":
      case "Checkpoint":
        return await (await import("./rare_methods.ts")).callRarely(
          method,
          payload,
          (id) => this.task(id),
        );
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
    if (task.options.execDir === undefined) return; // whoever made it knows where we are
    if (task.options.sharedDir !== undefined) this.#listen(id);
    else setTimeout(() => this.#listen(id), 0);
    void task.cleaned().then(() => this.#taskEnded(id, task));
  }

  #listen(id: string): void {
    const entry = this.#tasks.get(id);
    if (entry === undefined || entry.task.stopped) return;
    entry.listener = this.#options.listen(entry.task.options.execDir!);
  }

  /** Our own clients' options, or what comes of containerd's. */
  async #optionsOf(
    request: Decoded<typeof METHODS.Create.request>,
  ): Promise<Pick<TaskOptions, "options" | "stdio" | "runtime">> {
    const { foreign } = this.#options;
    if (foreign !== undefined) return await foreign.optionsOf(request);
    const text = new TextDecoder().decode(request.options?.value);
    return { options: JSON.parse(text) as CreateTaskOptions };
  }

  /** Whether there is no task, and none to come. */
  get empty(): boolean {
    return this.#tasks.size + this.#making.size + this.#restarting === 0;
  }

  /** A task by its id. @throws {CtrError} `not_found` */
  task(id: string): Task {
    const entry = this.#tasks.get(id);
    if (entry !== undefined) return entry.task;
    throw noSuchTask(id);
  }

  #forget(id: string): void {
    const entry = this.#tasks.get(id);
    entry?.listener?.close();
    const execDir = entry?.task.options.execDir;
    if (execDir !== undefined) unlink(`${execDir}/shim.sock`);
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
    return this.empty;
  }

  /** Nobody deletes a detached task; others belong to their client as long as it is connected. */
  async #taskEnded(id: string, task: Task): Promise<void> {
    const entry = this.#tasks.get(id);
    if (entry?.task === task && task.restarts.pending && !entry.deleting) {
      entry.listener ??= this.#options.listen(task.options.execDir!);
      this.#restarting++;
      await task.restarts.start({ forget: () => this.#forget(id), run: this.#options.cleanUp });
      this.#restarting--;
    }
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

function traceSince(bootedUs: number): void {
  enableTrace(process.pid);
  mark("shim boot", performance.timeOrigin * 1000, { endUs: bootedUs });
  mark("wait for create", bootedUs);
}
