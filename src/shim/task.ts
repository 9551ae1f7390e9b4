/**
 * A task in the shim: the container's first process and those that were added, from create to delete.
 *
 * @module
 */

import type { Connection } from "../../ffi/mod.ts";
import { CtrError } from "../errors.ts";
import type { OciProcess, OciSpec } from "../oci/mod.ts";
import { ensureDirectory, kill, readText, replaceFile, waitFor } from "../program/mod.ts";
import {
  type CgroupStats,
  create,
  destroy,
  exec,
  freeze,
  type RootfsMount,
} from "../runtime/mod.ts";
import { span } from "../trace.ts";
import { JsonLog } from "./json_log.ts";
import { ProcessIo } from "./process_io.ts";
import { newProcess, type Process } from "./task_process.ts";
import type { CreateTaskOptions } from "./task_api.ts";
import type { ProcessExit, TaskState } from "./types.ts";

/** How a task is made. */
export interface TaskOptions {
  readonly id: string;
  readonly bundle: string;
  readonly rootfs: readonly RootfsMount[];
  readonly options: CreateTaskOptions;
  readonly shimStartTicks: number;
}

/** One container's processes. */
export class Task {
  readonly id: string;
  readonly options: CreateTaskOptions;
  readonly #task: TaskOptions;
  readonly #spec: OciSpec;
  readonly #processes = new Map<string, Process>();
  #log: JsonLog | undefined;
  #status: TaskState["status"] = "created";
  #startedAt = 0;
  #cleaned: Promise<void> | undefined;

  constructor(task: TaskOptions) {
    this.id = task.id;
    this.options = task.options;
    this.#task = task;
    this.#spec = JSON.parse(readText(`${task.bundle}/config.json`)) as OciSpec;
  }

  /** Make the container's process, up to execve. */
  async create(): Promise<number> {
    const { id, bundle, rootfs, options } = this.#task;
    const spec = this.#spec;
    this.#log = new JsonLog(options.logPath);
    const terminal = spec.process?.terminal === true;
    const io = new ProcessIo({
      terminal,
      openStdin: options.openStdin,
      stdinOnce: options.stdinOnce,
      log: this.#log,
    });
    try {
      const process = newProcess(io, spec.process!);
      process.runtime = await create({ id, bundle, spec, rootfs, stdio: io.stdio });
      io.begin(process.runtime.console);
      this.#processes.set("", process);
    } catch (error) {
      io.abandon();
      this.#log.close();
      throw error;
    }
    ensureDirectory(options.execDir, 0o700);
    this.#writeState();
    return this.#processes.get("")!.runtime!.pid;
  }

  /** Let a process go. */
  start(execId: string): number {
    const process = this.#process(execId);
    const { runtime } = process;
    if (runtime === undefined) throw this.#wrongState("start", "it was not created");
    try {
      span("exec", () => runtime.start());
    } catch (error) {
      this.#ended(execId, process, (error as { code?: string }).code === "not_found" ? 127 : 126);
      throw error;
    }
    if (execId === "") {
      this.#status = "running";
      this.#startedAt = Date.now();
      this.#writeState();
    }
    return runtime.pid;
  }

  /** Add a process; it is made when it is started. */
  async addProcess(execId: string, spec: OciProcess): Promise<void> {
    if (this.#status !== "running") throw this.#wrongState("exec", `it is ${this.#status}`);
    if (this.#processes.has(execId)) {
      throw new CtrError({
        code: "already_exists",
        operation: "exec",
        subject: execId,
        reason: "there is a process with this id",
      });
    }
    const io = new ProcessIo({
      terminal: spec.terminal === true,
      openStdin: true,
      stdinOnce: true,
      log: undefined,
    });
    try {
      const process = newProcess(io, spec);
      process.runtime = await exec({
        pid: this.pid,
        spec: this.#spec,
        process: spec,
        stdio: io.stdio,
      });
      io.begin(process.runtime.console);
      this.#processes.set(execId, process);
    } catch (error) {
      io.abandon();
      throw error;
    }
  }

  attach(execId: string, client: Connection): ReturnType<ProcessIo["attach"]> {
    return this.#process(execId).io.attach(client);
  }

  wait(execId: string): Promise<ProcessExit> {
    return this.#process(execId).exited;
  }

  kill(execId: string, signal: number): void {
    const process = this.#process(execId);
    const { runtime } = process;
    if (runtime === undefined || process.exit !== undefined || !kill(runtime.pid, signal)) {
      throw new CtrError({
        code: "not_found",
        operation: "signal",
        subject: execId || this.id,
        reason: "process already finished",
      });
    }
  }

  resize(execId: string, width: number, height: number): void {
    this.#process(execId).io.resize(width, height);
  }

  closeStdin(execId: string): void {
    this.#process(execId).io.endStdin();
  }

  async pause(paused: boolean): Promise<void> {
    const [from, to] = paused ? ["running", "paused"] as const : ["paused", "running"] as const;
    if (this.#status !== from) {
      throw this.#wrongState(paused ? "pause" : "resume", `it is ${this.#status}`);
    }
    await freeze({ id: this.id, spec: this.#spec }, paused);
    this.#status = to;
    this.#writeState();
  }

  /** Host process ids of everything in the container. */
  async pids(): Promise<number[]> {
    const { pids } = await import("../runtime/mod.ts");
    return await pids({ id: this.id, spec: this.#spec });
  }

  /** What its cgroup counted. */
  async stats(): Promise<CgroupStats> {
    const { stats } = await import("../runtime/mod.ts");
    return await stats({ id: this.id, spec: this.#spec });
  }

  /** What is known of a process. */
  state(
    execId: string,
  ): { pid: number; status: TaskState["status"]; exit: ProcessExit | undefined } {
    const process = this.#process(execId);
    const status = process.exit !== undefined
      ? "stopped"
      : execId === ""
      ? this.#status
      : "running";
    return { pid: process.runtime?.pid ?? 0, status, exit: process.exit };
  }

  get pid(): number {
    return this.#processes.get("")?.runtime?.pid ?? 0;
  }

  get stopped(): boolean {
    return this.#status === "stopped";
  }

  /** Look which processes have ended. Signals of several coalesce, so all are asked. */
  reap(): void {
    for (const [execId, process] of this.#processes) {
      if (process.exit !== undefined || process.runtime === undefined) continue;
      const ended = waitFor(process.runtime.pid);
      if (ended !== undefined) this.#ended(execId, process, ended.exitCode);
    }
  }

  /** Forget a process that has ended; the task itself also gives its cgroup back. */
  async delete(execId: string): Promise<{ pid: number; exit: ProcessExit }> {
    const process = this.#process(execId);
    if (process.exit === undefined && this.#status !== "created") {
      throw this.#wrongState("delete", "it is running");
    }
    if (process.exit === undefined) {
      process.runtime?.abandon();
      this.#ended(execId, process, 137);
    }
    const pid = process.runtime?.pid ?? 0;
    const exit = await process.exited;
    if (execId === "") await this.#clean();
    this.#processes.delete(execId);
    return { pid, exit };
  }

  /** Resolves when the task has ended and left nothing in the kernel. */
  async cleaned(): Promise<void> {
    await this.wait("");
    await this.#clean();
  }

  #clean(): Promise<void> {
    this.#cleaned ??= destroy({ id: this.id, spec: this.#spec });
    return this.#cleaned;
  }

  #ended(execId: string, process: Process, exitCode: number): void {
    const exit: ProcessExit = { exitCode, exitedAt: Date.now(), oomKilled: false };
    process.exit = exit;
    void this.#finish(execId, process, exit);
  }

  async #finish(execId: string, process: Process, exit: ProcessExit): Promise<void> {
    // A daemon that kept stdout open in a shared pid namespace must not hold the exit back for ever.
    const graceMs = 2000;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const grace = new Promise<void>((resolve) => timer = setTimeout(resolve, graceMs));
    await Promise.race([process.io.finished, grace]);
    clearTimeout(timer);
    if (execId === "") {
      this.#log?.close();
      this.#status = "stopped";
      let oomKilled = false;
      if (exit.exitCode === 137) {
        const { stats } = await import("../runtime/mod.ts");
        oomKilled = ((await stats({ id: this.id, spec: this.#spec })).oomKills ?? 0) > 0;
      }
      process.exit = { ...exit, oomKilled };
      this.#writeState();
    }
    process.io.end();
    process.setExited(process.exit!);
  }

  #process(execId: string): Process {
    const process = this.#processes.get(execId);
    if (process === undefined) {
      throw new CtrError({
        code: "not_found",
        operation: "find process",
        subject: execId || this.id,
        reason: "no such process",
      });
    }
    return process;
  }

  #wrongState(operation: string, reason: string): CtrError {
    return new CtrError({ code: "failed_precondition", operation, subject: this.id, reason });
  }

  #writeState(): void {
    const exit = this.#processes.get("")?.exit;
    const state: TaskState = {
      id: this.id,
      status: this.#status,
      pid: this.#status === "stopped" ? 0 : this.pid,
      shimPid: globalThis.process.pid,
      shimStartTicks: this.#task.shimStartTicks,
      startedAt: this.#startedAt,
      finishedAt: exit?.exitedAt ?? 0,
      exitCode: exit?.exitCode ?? 0,
      oomKilled: exit?.oomKilled ?? false,
      error: "",
    };
    replaceFile(`${this.options.dataDir}/state.json`, JSON.stringify(state));
  }
}
