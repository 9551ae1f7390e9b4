/**
 * Any OCI runtime as a low-level runtime, driven by the command line that runc has and others copy:
 * runc, crun, runsc, kata-runtime, our own `ctr-oci`.
 *
 * All it keeps is below the container's state directory: `oci/` is the runtime's `--root`, and
 * `runtime` names the executable for whoever has to clean up after a crash.
 *
 * @see https://github.com/opencontainers/runc/tree/main/man
 * @module
 */

import { CtrError, isNotFound } from "../../errors.ts";
import type { OciResources, OciSpec } from "../../oci/mod.ts";
import {
  ensureDirectory,
  exists,
  type ProgramBuilder,
  readText,
  unlink,
  writeFile,
} from "../../program/mod.ts";
import { containerStatsJsonAt, destroyAt, pidsAt, signalAt } from "../cgroup_door.ts";
import type {
  CheckpointRequest,
  ContainerRef,
  LowLevelExecOptions,
  LowLevelProcess,
  LowLevelRuntime,
} from "../low_level.ts";
import type { CreateOptions, Stdio } from "../types.ts";
import { becomeSubreaper, childEnded, commandBegins, reapOrphans } from "./children.ts";
import { CommandFiles, type Invocation, invoke, rootOf, type RuntimeProgram } from "./command.ts";
import { type ConsoleSocket, listenForConsole } from "./console_socket.ts";
import { privateRootfsSteps } from "./rootfs.ts";

/** A command that makes a process. */
interface Launch {
  readonly id: string;
  readonly args: (files: CommandFiles) => readonly string[];
  readonly process: OciSpec["process"];
  readonly stdio: Stdio;
  readonly before?: ((p: ProgramBuilder) => void) | undefined;
}

/** What its owner wants to be told. */
export interface CommandRuntimeOptions {
  /** A command has ended, and what it made is known: {@link LowLevelRuntime.reapOrphans} now. */
  readonly onIdle?: () => void;
  /** How long the deletion of a container may take; then its processes are killed without it. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 30_000;

interface Launched {
  readonly pid: number;
  readonly console: number | undefined;
}

/** One container's runtime. */
export class CommandRuntime implements LowLevelRuntime {
  readonly #program: RuntimeProgram;
  readonly #onIdle: () => void;
  readonly #patienceMs: number;

  constructor(program: RuntimeProgram, options: CommandRuntimeOptions = {}) {
    this.#program = program;
    this.#onIdle = options.onIdle ?? (() => {});
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS;
  }

  async create(options: CreateOptions): Promise<LowLevelProcess> {
    const { id, spec, bundle, rootfs } = options;
    becomeSubreaper();
    ensureDirectory(this.#program.stateDir, 0o700);
    writeFile(`${this.#program.stateDir}/runtime`, this.#program.path);
    try {
      const { pid, console } = await this.#launch({
        id,
        process: spec.process,
        stdio: options.stdio,
        args: () => ["create", "--bundle", bundle],
        before: rootfs.length === 0 ? undefined : (p) => privateRootfsSteps(p, options),
      });
      const end = async () => {
        await this.#call(["delete", "--force", id], { patienceMs: this.#patienceMs });
        await childEnded(pid);
      };
      return {
        pid,
        console,
        keeper: undefined,
        start: async () => {
          try {
            await this.#call(["start", id]);
          } catch (error) {
            await end().catch(() => {});
            throw error;
          }
        },
        kill: (signal) => this.#kill(id, signal),
        abandon: end,
      };
    } catch (error) {
      await this.destroy({ id, spec }).catch(() => {});
      throw error;
    }
  }

  /** The runtimes' `exec` makes and starts a process in one: here that is the start. */
  async exec({ id, process, stdio }: LowLevelExecOptions): Promise<LowLevelProcess> {
    let launched: Launched | undefined;
    const start = async () => {
      launched = await this.#launch({
        id,
        process,
        stdio,
        args: (files) => {
          writeFile(files.path("process.json"), JSON.stringify(process));
          return ["exec", "--process", files.path("process.json"), "--detach"];
        },
      });
    };
    return {
      get pid() {
        return launched?.pid ?? 0;
      },
      get console() {
        return launched?.console;
      },
      keeper: undefined,
      start,
      abandon: () => {},
    };
  }

  async destroy({ id, spec }: ContainerRef): Promise<void> {
    let failure: unknown;
    const root = rootOf(this.#program);
    if (exists(root)) {
      try {
        await this.#call(["delete", "--force", id], { patienceMs: this.#patienceMs });
      } catch (error) {
        if (!isNotFound(error)) failure = error;
      }
      process.getBuiltinModule("node:fs").rmSync(root, { recursive: true, force: true });
    }
    await destroyAt(spec.linux?.cgroupsPath ?? `/ctr/${id}`);
    unlink(`${this.#program.stateDir}/runtime`);
    if (failure !== undefined) throw failure;
  }

  async freeze({ id }: ContainerRef, frozen: boolean): Promise<void> {
    await this.#call([frozen ? "pause" : "resume", id]);
  }

  /** From the cgroup of the spec, where runtimes put what they start. */
  async stats({ id, spec }: ContainerRef): Promise<Readonly<Record<string, unknown>>> {
    return await containerStatsJsonAt(spec.linux?.cgroupsPath ?? `/ctr/${id}`);
  }

  async update({ id }: ContainerRef, resources: OciResources): Promise<void> {
    await this.#call(["update", "--resources"], {
      last: (files) => {
        writeFile(files.path("process.json"), JSON.stringify(resources));
        return [files.path("process.json"), id];
      },
    });
  }

  async checkpoint({ id }: ContainerRef, request: CheckpointRequest): Promise<void> {
    const { checkpointArguments } = await import("./checkpoint.ts");
    await this.#call(["checkpoint", ...checkpointArguments(request), id]);
  }

  async signalAll({ id, spec }: ContainerRef, signal: number): Promise<void> {
    await signalAt(spec.linux?.cgroupsPath ?? `/ctr/${id}`, signal);
  }

  async pids({ id, spec }: ContainerRef): Promise<number[]> {
    try {
      return JSON.parse(await this.#call(["ps", "--format", "json", id])) ?? [];
    } catch {
      return await pidsAt(spec.linux?.cgroupsPath ?? `/ctr/${id}`);
    }
  }

  reapOrphans(owned: (pid: number) => boolean): void {
    reapOrphans(owned);
  }

  async #kill(id: string, signal: number): Promise<boolean> {
    try {
      await this.#call(["kill", id, String(signal)]);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  async #call(
    args: readonly string[],
    { last, ...options }: Pick<Invocation, "patienceMs"> & {
      /** The last arguments, once there are files to put things into. */
      readonly last?: (files: CommandFiles) => readonly string[];
    } = {},
  ): Promise<string> {
    const files = new CommandFiles(this.#program);
    const end = commandBegins(this.#onIdle);
    try {
      const all = [...args, ...last?.(files) ?? []];
      return await invoke(this.#program, { args: all, files, ...options });
    } finally {
      files.remove();
      end();
    }
  }

  async #launch({ id, args, process, stdio, before }: Launch): Promise<Launched> {
    const files = new CommandFiles(this.#program);
    const end = commandBegins(this.#onIdle);
    let socket: ConsoleSocket | undefined;
    try {
      socket = process?.terminal ? listenForConsole(files.directory) : undefined;
      const pidFile = files.path("pid");
      await invoke(this.#program, {
        args: [
          ...args(files),
          "--pid-file",
          pidFile,
          ...socket === undefined ? [] : ["--console-socket", socket.path],
          id,
        ],
        files,
        stdio: socket === undefined ? stdio : undefined,
        before,
        executable: process?.args[0],
      });
      return { pid: pidIn(readText(pidFile)), console: socket?.receive() };
    } finally {
      socket?.close();
      files.remove();
      end();
    }
  }
}

function pidIn(text: string): number {
  const pid = Number(text.trim());
  if (Number.isSafeInteger(pid) && pid > 0) return pid;
  throw new CtrError({
    code: "internal",
    operation: "read pid file",
    subject: text,
    reason: "it is not a process id",
  });
}
