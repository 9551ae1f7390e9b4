/**
 * A task in the shim: the container's first process and those that were added, from create to delete.
 *
 * @module
 */

import type { OciProcess, OciSpec } from "../oci/mod.ts";
import { kill, readText, waitFor } from "../program/mod.ts";
import { type CgroupStats, create, destroy, exec, freeze, pids, stats } from "../runtime/mod.ts";
import { span } from "../trace.ts";
import { JsonLog } from "./json_log.ts";
import { ProcessIo } from "./process_io.ts";
import { exitState, failureCode, writeFailure, writeState } from "./state_file.ts";
import type { AdoptedProcess, CreateTaskOptions } from "./task_api.ts";
import { oomKilled } from "./oom.ts";
import {
  hasEnded,
  newProcess,
  noSuchProcess,
  onlyChild,
  type Process,
  processExists,
  runningProcess,
  wrongState,
} from "./task_process.ts";
import type { ProcessExit, TaskOptions, TaskState } from "./types.ts";

/** A daemon may keep an output open; after its parent's end it is listened to as long as Docker does. */
const DRAIN_GRACE_MS = 2000;

/** One container's processes. */
export class Task {
  readonly id: string;
  readonly options: CreateTaskOptions;
  readonly #task: TaskOptions;
  readonly #spec: OciSpec;
  /** By exec id; the container's first process is `""`. */
  readonly #processes = new Map<string, Process>();
  #log: JsonLog | undefined;
  #status: TaskState["status"] = "created";
  #startedAt = 0;
  /** It never ran: what `state.json` says of it is not ours to change. */
  #neverRan = false;
  #cleaned: Promise<void> | undefined;

  constructor(task: TaskOptions) {
    this.id = task.id;
    this.options = task.options;
    this.#task = task;
    this.#spec = readSpec(task);
  }

  /** Make the container's process, up to execve. */
  async create(): Promise<number> {
    const { id, bundle, rootfs, options } = this.#task;
    this.#log = new JsonLog(options.logPath);
    const io = new ProcessIo({
      terminal: this.#spec.process?.terminal === true,
      openStdin: options.openStdin,
      stdinOnce: options.stdinOnce,
      log: this.#log,
    });
    try {
      const runtime = await create({ ...this.#ref, bundle, rootfs, stdio: io.stdio });
      io.begin(runtime.console);
      this.#processes.set("", newProcess(io, runtime));
      return runtime.pid;
    } catch (error) {
      io.abandon();
      this.#log.close();
      writeFailure(options.dataDir, id, error);
      throw error;
    }
  }

  /** Take over a process that was made already. */
  async adopt({ startedAt, stdout, stderr }: AdoptedProcess): Promise<number> {
    this.#log = new JsonLog(this.options.logPath);
    const io = ProcessIo.of([stdout, stderr], this.#log);
    io.begin(undefined);
    const { pid, exitCode } = await onlyChild(() => this.pids());
    const process = runningProcess(io, pid);
    this.#processes.set("", process);
    if (exitCode === undefined) this.#runs(startedAt);
    else this.#ended("", process, exitCode);
    return pid;
  }

  /** Let a process go. */
  start(execId: string): number {
    const process = this.#process(execId);
    if (process.started) throw wrongState(this.id, "start", "it was started already");
    process.started = true;
    try {
      span("exec", () => process.runtime.start());
    } catch (error) {
      if (execId === "") {
        this.#neverRan = true;
        writeFailure(this.options.dataDir, this.id, error);
      }
      this.#ended(execId, process, failureCode(error));
      throw error;
    }
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
  async addProcess(execId: string, spec: OciProcess, openStdin: boolean): Promise<void> {
    if (this.#status !== "running") throw wrongState(this.id, "exec", `it is ${this.#status}`);
    const io = new ProcessIo({
      terminal: spec.terminal === true,
      openStdin,
      stdinOnce: true,
      log: undefined,
    });
    try {
      if (this.#processes.has(execId)) throw processExists(execId);
      const options = { pid: this.pid, spec: this.#spec, process: spec, stdio: io.stdio };
      const runtime = await exec(options);
      io.begin(runtime.console);
      this.#processes.set(execId, newProcess(io, runtime));
    } catch (error) {
      io.abandon();
      throw error;
    }
  }

  /** Resolves when the process has ended and its output is through. */
  wait(execId: string): Promise<ProcessExit> {
    return this.#process(execId).exited;
  }

  kill(execId: string, signal: number): void {
    const { runtime, exit } = this.#process(execId);
    if (exit !== undefined || !kill(runtime.pid, signal)) throw hasEnded(execId || this.id);
  }

  /** The stdio of a process. */
  io(execId: string): ProcessIo {
    return this.#process(execId).io;
  }

  async pause(paused: boolean): Promise<void> {
    if (this.#status !== (paused ? "running" : "paused")) {
      throw wrongState(this.id, paused ? "pause" : "resume", `it is ${this.#status}`);
    }
    await freeze(this.#ref, paused);
    this.#status = paused ? "paused" : "running";
    this.#writeState();
  }

  /** Host process ids of everything in the container. */
  pids(): Promise<number[]> {
    return pids(this.#ref);
  }

  /** What its cgroup counted. */
  stats(): Promise<CgroupStats> {
    return stats(this.#ref);
  }

  /** What is known of a process. */
  state(
    execId: string,
  ): { pid: number; status: TaskState["status"]; exit: ProcessExit | undefined } {
    const { runtime, started, exit } = this.#process(execId);
    const running = execId === "" ? this.#status : "running";
    const status = exit !== undefined ? "stopped" : started ? running : "created";
    return { pid: runtime.pid, status, exit };
  }

  get pid(): number {
    return this.#processes.get("")?.runtime.pid ?? 0;
  }

  get stopped(): boolean {
    return this.#status === "stopped";
  }

  /** Look which processes have ended. Signals of several coalesce, so all are asked. */
  reap(): void {
    for (const [execId, process] of this.#processes) {
      if (process.exit !== undefined || !process.started) continue;
      const ended = waitFor(process.runtime.pid);
      if (ended !== undefined) this.#ended(execId, process, ended.exitCode);
    }
  }

  /** Forget a process that has ended or was not started; the task also gives its cgroup back. */
  async delete(execId: string): Promise<{ pid: number; exit: ProcessExit }> {
    const process = this.#process(execId);
    if (process.exit === undefined && process.started) {
      throw wrongState(this.id, "delete", "it is running");
    }
    if (process.exit === undefined) {
      process.started = true;
      if (execId === "") this.#neverRan = true;
      process.runtime.abandon();
      this.#ended(execId, process, 137);
    }
    const exit = await process.exited;
    if (execId === "") await this.#clean();
    this.#processes.delete(execId);
    return { pid: process.runtime.pid, exit };
  }

  /** End the processes that were made and never started: whoever made them is gone. */
  async giveUpUnstarted(): Promise<void> {
    for (const [execId, { started }] of [...this.#processes].reverse()) {
      if (!started && (execId !== "" || this.#status === "created")) {
        await this.delete(execId).catch(() => {});
      }
    }
  }

  /** Resolves when the task has ended and left nothing in the kernel. */
  async cleaned(): Promise<void> {
    await this.#processes.get("")?.exited;
    await this.#clean();
  }

  #clean(): Promise<void> {
    this.#cleaned ??= destroy(this.#ref);
    return this.#cleaned;
  }

  #ended(execId: string, process: Process, exitCode: number): void {
    process.exit = { exitCode, exitedAt: Date.now(), oomKilled: false };
    void this.#finish(execId, process, process.exit);
  }

  async #finish(execId: string, process: Process, exit: ProcessExit): Promise<void> {
    await process.io.drained(DRAIN_GRACE_MS);
    if (execId === "") {
      this.#log?.close();
      process.exit = { ...exit, oomKilled: await oomKilled(this.#ref, exit.exitCode) };
      // Whoever hears of the end may start it again, in a cgroup of the same name.
      await this.#clean().catch(() => {});
      this.#status = "stopped";
      this.#writeState();
    }
    process.io.end();
    process.setExited(process.exit!);
  }

  get #ref(): { id: string; spec: OciSpec } {
    return { id: this.id, spec: this.#spec };
  }

  #process(execId: string): Process {
    const process = this.#processes.get(execId);
    if (process === undefined) throw noSuchProcess(execId || this.id);
    return process;
  }

  #writeState(): void {
    if (this.#neverRan) return;
    const exit = this.#processes.get("")?.exit;
    try {
      writeState(this.options.dataDir, {
        id: this.id,
        status: this.#status,
        pid: this.stopped ? 0 : this.pid,
        shimPid: globalThis.process.pid,
        shimStartTicks: this.#task.shimStartTicks,
        startedAt: this.#startedAt,
        ...exit === undefined ? {} : exitState(exit),
      });
    } catch {
      // Its directory was removed, or the disk is full: whoever waits is told all the same.
    }
  }
}

/** A client that was killed may have written none: that container never ran. */
function readSpec({ bundle, options }: TaskOptions): OciSpec {
  try {
    return JSON.parse(readText(`${bundle}/config.json`)) as OciSpec;
  } catch (error) {
    if (options.adopted === undefined) throw error;
    return { ociVersion: "1.2.0" };
  }
}
