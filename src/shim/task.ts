/**
 * A task in the shim: the container's first process and those that were added, from create to delete.
 *
 * @module
 */

import type { OciProcess, OciSpec } from "../oci/mod.ts";
import { waitFor } from "../program/mod.ts";
import { builtIn, type LowLevelRuntime } from "../runtime/mod.ts";
import { span } from "../trace.ts";
import { readSpec } from "./bundle_spec.ts";
import { RestartKeeper } from "./restart.ts";
import type { ProcessIo } from "./process_io.ts";
import { exitState, failureCode, ownerState, tryWriteState, writeFailure } from "./state_file.ts";
import type { AdoptedProcess, CreateTaskOptions } from "./task_api.ts";
import { oomKilled } from "./oom.ts";
import {
  abandonStdio,
  begin,
  hasEnded,
  newProcess,
  noSuchProcess,
  onlyChild,
  type Process,
  processExists,
  processState,
  releaseNetwork,
  runningProcess,
  signal,
  wrongState,
} from "./task_process.ts";
import { runtimeFor } from "./task_runtime.ts";
import { addedIo, adoptedIo, firstIo } from "./task_io.ts";
import type { ExecStdio, ProcessExit, ProcessState, TaskOptions, TaskState } from "./types.ts";

/** As long as Docker listens to a daemon's output. */
const DRAIN_GRACE_MS = 2000;

/** One container's processes. */
export class Task {
  readonly id: string;
  readonly options: CreateTaskOptions;
  readonly #task: TaskOptions;
  readonly #spec: OciSpec;
  runtime: LowLevelRuntime = builtIn;
  /** By exec id; the container's first process is `""`. */
  readonly #processes = new Map<string, Process>();
  #status: TaskState["status"] = "created";
  #startedAt = 0;
  /** It never ran: what `state.json` says of it is not ours to change. */
  #neverRan = false;
  /** Whether its policy starts it again. */
  readonly restarts: RestartKeeper;
  #cleaned: Promise<void> | undefined;

  constructor(task: TaskOptions) {
    this.id = task.id;
    this.options = task.options;
    this.#task = task;
    this.#spec = readSpec(task);
    this.restarts = new RestartKeeper(task.options.restart, () => this.#writeState());
  }

  /** Make the container's process, up to execve. */
  async create(): Promise<number> {
    const { id, bundle, rootfs, options } = this.#task;
    let io: ProcessIo | undefined;
    try {
      this.runtime = await runtimeFor(this.#task);
      io = await firstIo(this.#task, this.#spec.process, this.runtime);
      const made = await this.runtime.create({ ...this.ref, bundle, rootfs, stdio: io.stdio });
      const process = newProcess(io, made, this.#task.stdio?.paths);
      begin(process);
      this.#processes.set("", process);
      return made.pid;
    } catch (error) {
      io?.abandon();
      await io?.closeSinks();
      writeFailure(options.dataDir, id, error);
      throw error;
    }
  }

  /** Take over a process that runs. */
  async adopt(adopted: AdoptedProcess): Promise<number> {
    const io = adoptedIo(this.#task, adopted);
    const { pid, exitCode } = await onlyChild(() => this.runtime.pids(this.ref));
    const process = runningProcess(io, pid);
    this.#processes.set("", process);
    if (exitCode === undefined) this.#runs(adopted.startedAt);
    else this.#ended("", process, exitCode);
    return pid;
  }

  /** Let a process go. */
  async start(execId: string): Promise<number> {
    const process = this.#process(execId);
    if (process.started) throw wrongState(this.id, "start", "it was started already");
    process.started = process.busy = true;
    try {
      await span("exec", () => process.runtime.start());
      process.busy = false;
      begin(process);
    } catch (error) {
      if (execId === "") {
        this.#neverRan = true;
        writeFailure(this.options.dataDir, this.id, error);
      }
      this.#ended(execId, process, failureCode(error));
      throw error;
    }
    void process.runtime.exited?.then((exitCode) => this.#ended(execId, process, exitCode));
    if (execId === "") this.#runs(Date.now());
    else this.reap();
    return process.runtime.pid;
  }

  #runs(since: number): void {
    this.#status = "running";
    this.#startedAt = since;
    this.#writeState();
    this.reap(); // it may have died before anybody waited for it
  }

  /** Make another process in the running container, up to execve. */
  async addProcess(execId: string, spec: OciProcess, stdio: ExecStdio): Promise<void> {
    if (this.#status !== "running") throw wrongState(this.id, "exec", `it is ${this.#status}`);
    if (this.#processes.has(execId)) throw processExists(execId);
    const io = await addedIo(this.#task, stdio, { process: spec, runtime: this.runtime });
    try {
      const made = await this.runtime.exec({
        ...this.ref,
        pid: this.pid,
        process: spec,
        stdio: io.stdio,
      });
      const process = newProcess(io, made, stdio.paths);
      if (made.pid !== 0) begin(process);
      this.#processes.set(execId, process);
    } catch (error) {
      io.abandon();
      await io.closeSinks();
      throw error;
    }
  }

  /** Resolves when the process has ended and its output is through. */
  wait = (execId: string): Promise<ProcessExit> => this.#process(execId).exited;

  /** @param all everything that runs in the container, also what the task does not know */
  async kill(execId: string, number: number, all = false): Promise<void> {
    if (execId === "" && this.restarts.signalled(number)) return this.#writeState();
    if (all && this.#process(execId).exit === undefined) {
      await this.runtime.signalAll(this.ref, number);
    } else if (!await signal(this.#process(execId), number)) throw hasEnded(execId || this.id);
  }

  /** Change the size of its terminal. */
  resize(execId: string, width: number, height: number): void {
    const { runtime, io } = this.#process(execId);
    (runtime.resize ?? io.resize.bind(io))(width, height);
  }

  /** The stdio of a process. */
  io(execId: string): ProcessIo {
    return this.#process(execId).io;
  }

  async pause(paused: boolean): Promise<void> {
    if (this.#status !== (paused ? "running" : "paused")) {
      throw wrongState(this.id, paused ? "pause" : "resume", `it is ${this.#status}`);
    }
    await this.runtime.freeze(this.ref, paused);
    this.#status = paused ? "paused" : "running";
    this.#writeState();
  }

  /** What is known of a process. */
  state(execId: string): ProcessState {
    const live = execId === "" ? this.#status : "running";
    return processState(this.#process(execId), { bundle: this.#task.bundle, live });
  }

  get pid(): number {
    return this.#processes.get("")?.runtime.pid ?? 0;
  }

  get stopped(): boolean {
    return this.#status === "stopped";
  }

  /** SIGCHLD: signals of several coalesce, so all are asked. */
  reap(): void {
    for (const [execId, process] of this.#processes) {
      const { exit, started, busy, runtime } = process;
      if (exit !== undefined || !started || busy || runtime.exited !== undefined) continue;
      const ended = waitFor(runtime.pid);
      if (ended !== undefined) this.#ended(execId, process, ended.exitCode);
    }
  }

  /** Whether a child of the shim is a process of this task, which reaps it. */
  owns(pid: number): boolean {
    return this.#processes.values().some(({ runtime, exit }) =>
      exit === undefined && runtime.pid === pid
    );
  }

  /** Forget a process that has ended or was not started; the task also gives its cgroup back. */
  async delete(execId: string): Promise<{ pid: number; exit: ProcessExit }> {
    const process = this.#process(execId);
    if (execId === "") this.restarts.cancel();
    if (process.exit === undefined && process.started) {
      throw wrongState(this.id, "delete", "it is running");
    }
    if (process.exit === undefined) {
      process.started = process.busy = true;
      if (execId === "") this.#neverRan = true;
      await process.runtime.abandon();
      this.#ended(execId, process, 137);
    }
    const exit = await process.exited;
    if (execId === "") await this.#clean();
    this.#processes.delete(execId);
    return { pid: process.runtime.pid, exit };
  }

  /** End what was made and never started: whoever made it is gone. */
  async giveUpUnstarted(): Promise<void> {
    for (const [execId, { started }] of [...this.#processes].reverse()) {
      if (!started && (execId !== "" || this.#status === "created")) {
        await this.delete(execId).catch(() => {});
      }
    }
  }

  /** Resolves when the task has ended and left nothing in the kernel that nobody deletes. */
  async cleaned(): Promise<void> {
    await this.#processes.get("")?.exited;
    if (this.runtime.ended !== undefined) return;
    await this.#clean();
  }

  /** The processes that were added, by their ids. */
  get added(): ReadonlyMap<string, Process> {
    return new Map([...this.#processes].filter(([execId]) => execId !== ""));
  }

  #clean(): Promise<void> {
    this.#cleaned ??= this.runtime.destroy(this.ref);
    return this.#cleaned;
  }

  #ended(execId: string, process: Process, exitCode: number): void {
    abandonStdio(process);
    process.exit = { exitCode, exitedAt: Date.now(), oomKilled: false };
    void this.#finish(execId, process, process.exit);
  }

  async #finish(execId: string, process: Process, exit: ProcessExit): Promise<void> {
    if (execId === "") await this.runtime.ended?.(this.ref).catch(() => {});
    await process.io.drained(DRAIN_GRACE_MS);
    await process.io.closeSinks();
    if (execId === "") {
      if (this.options.dataDir !== undefined) {
        process.exit = { ...exit, oomKilled: await oomKilled(this.ref, exit.exitCode) };
      }
      // Whoever hears of the end may start it again, in a cgroup of the same name.
      if (this.runtime.ended === undefined) await this.#clean().catch(() => {});
      await releaseNetwork(this.id, this.options);
      this.#status = "stopped";
      if (!this.#neverRan) this.restarts.ended(process.exit!, this.#startedAt);
      this.#writeState();
    }
    process.io.end();
    process.setExited(process.exit!);
  }

  /** The container, as its runtime knows it. */
  get ref(): { readonly id: string; readonly spec: OciSpec } {
    return { id: this.id, spec: this.#spec };
  }

  #process(execId: string): Process {
    const process = this.#processes.get(execId);
    if (process === undefined) throw noSuchProcess(execId || this.id);
    return process;
  }

  #writeState(): void {
    if (this.#neverRan) return;
    tryWriteState(this.options.dataDir, {
      ...{ id: this.id, status: this.#status, startedAt: this.#startedAt },
      ...this.restarts.state,
      ...ownerState(this.stopped ? 0 : this.pid, this.#task.shimStartTicks),
      ...exitState(this.#processes.get("")?.exit),
    });
  }
}
