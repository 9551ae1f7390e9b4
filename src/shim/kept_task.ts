/**
 * A task whose shim is not needed yet. Most containers that somebody waits for end in a moment, and a
 * JavaScript runtime takes longer to boot than they live. So the client makes the container, under a
 * keeper that is its parent from the beginning; for that moment the client reads its output and writes
 * its log. Then, or as soon as the client dies, the keeper becomes the shim and takes the container
 * over: what it has to know lies in its socket.
 *
 * @module
 */

import type { OciSpec } from "../oci/mod.ts";
import { close, kill, open, pipe, socketPair, writeAll } from "../program/mod.ts";
import { create, type KeeperProcess, type RuntimeProcess } from "../runtime/mod.ts";
import { span } from "../trace.ts";
import { type Attachment, attachOver, type OnOutput } from "./attachment.ts";
import { callFrame, ShimClient } from "./client.ts";
import { createRequest, type NewTask } from "./create_request.ts";
import { JsonLog } from "./json_log.ts";
import { oomKilled } from "./oom.ts";
import { exitState, writeFailure, writeState } from "./state_file.ts";
import { OutputWindow } from "./output_window.ts";
import type { ShimProgram } from "./spawn.ts";
import type { ProcessExit } from "./types.ts";

/** Where the shim finds the container's output: behind stdio, the Task API, and the first client. */
const [SHIM_STDOUT, SHIM_STDERR] = [5, 6];

/** What became of a kept task: it ended, or its shim has it. */
export type KeptOutcome =
  | {
    readonly exit: ProcessExit;
    /** Hands out what it wrote; may end this process, should nobody read it any more. */
    readonly deliver: () => void;
  }
  | {
    readonly exit: undefined;
    readonly client: ShimClient;
    readonly attachment: Attachment;
    /** Resolves when the shim has it. */
    readonly made: Promise<unknown>;
  };

/** A task with a keeper. */
export class KeptTask {
  readonly #task: NewTask;
  readonly #spec: OciSpec;
  readonly #startedAt: number;
  readonly #fds: Fds;
  readonly #process: RuntimeProcess;
  readonly #keeper: KeeperProcess;

  /**
   * Make the container and start it. Its bundle may be incomplete up to then.
   *
   * @param options.meanwhile called while the container is set up, when its shim would take it over
   * @throws {SyscallError} when a step fails; nothing runs then
   */
  static async start(
    task: NewTask,
    spec: OciSpec,
    { shim, meanwhile, beforeStart }: {
      readonly shim: ShimProgram;
      readonly meanwhile: () => void;
      /** Called when the container's process is all but started. */
      readonly beforeStart?: ((pid: number) => void) | undefined;
    },
  ): Promise<KeptTask> {
    const fds = new Fds();
    const adopted = { startedAt: Date.now(), stdout: SHIM_STDOUT, stderr: SHIM_STDERR };
    // What the shim has to know when it wakes up, whatever becomes of this process.
    const tellShim = () => {
      const request = createRequest({ ...task, options: { ...task.options, adopted } });
      writeAll(fds.control[0], callFrame(1, "Create", request), "shim");
    };
    try {
      const process = await span("create", () =>
        create({
          id: task.id,
          bundle: task.bundle,
          spec,
          rootfs: task.rootfs,
          stdio: { stdin: fds.devNull, stdout: fds.stdout[1], stderr: fds.stderr[1] },
          meanwhile: () => {
            tellShim();
            meanwhile();
          },
          keeper: {
            ...shim,
            fds: [
              ...[fds.devNull, fds.devNull, fds.devNull],
              ...[fds.control[1], fds.attach[1], fds.stdout[0], fds.stderr[0]],
            ],
          },
        }));
      fds.closeOthers();
      try {
        beforeStart?.(process.pid);
      } catch (error) {
        await process.abandon();
        throw error;
      }
      span("exec", () => process.start());
      return new KeptTask(task, spec, fds, process, adopted.startedAt);
    } catch (error) {
      fds.closeAll();
      writeFailure(task.options.dataDir, task.id, error);
      throw error;
    }
  }

  private constructor(
    task: NewTask,
    spec: OciSpec,
    fds: Fds,
    process: RuntimeProcess,
    startedAt: number,
  ) {
    this.#task = task;
    this.#spec = spec;
    this.#fds = fds;
    this.#process = process;
    this.#keeper = process.keeper!;
    this.#startedAt = startedAt;
  }

  /**
   * Watch it for a moment; until that is over, this thread does nothing else.
   *
   * @param onOutput gets what it wrote, when its shim has it or `deliver` is called
   */
  async watch(onOutput: OnOutput, forMs: number): Promise<KeptOutcome> {
    const { stdout, stderr } = this.#fds;
    const log = new JsonLog(this.#task.options.logPath!);
    const window = new OutputWindow([stdout[0], stderr[0]], log);
    const ended = span("run", () => window.watch(this.#process.pid, forMs));
    log.close();
    const deliver = () => window.deliver(onOutput);
    if (!ended) {
      const outcome = this.#handOver(onOutput);
      deliver();
      return outcome;
    }
    const exit = await span("exit", () => this.#ended());
    this.#fds.closeAll();
    return { exit, deliver };
  }

  /** End it, whatever it does. */
  kill(): void {
    const SIGKILL = 9;
    kill(this.#process.pid, SIGKILL);
    this.#keeper.reap();
    this.#fds.closeAll();
  }

  /** From here on the shim reads what the container writes. */
  #handOver(onOutput: OnOutput): KeptOutcome {
    const { control, attach } = this.#fds;
    this.#keeper.release();
    const client = ShimClient.over(control[0]);
    const made = client.answerTo("Create");
    made.then(() => this.#keeper.released(), () => {});
    const attachment = attachOver(attach[0], { id: this.#task.id }, onOutput);
    this.#fds.closeOutput();
    return { exit: undefined, client, attachment, made };
  }

  async #ended(): Promise<ProcessExit> {
    const exitCode = this.#keeper.reap();
    const { id, options } = this.#task;
    const exit = {
      exitCode,
      exitedAt: Date.now(),
      oomKilled: await oomKilled({ id, spec: this.#spec }, exitCode),
    };
    if (options.cleanup === undefined) {
      writeState(options.dataDir, {
        id,
        status: "stopped",
        startedAt: this.#startedAt,
        ...exitState(exit),
      });
    }
    return exit;
  }
}

/** The descriptors of a kept task; `[0]` of a pair is ours. */
class Fds {
  readonly devNull = open("/dev/null", 2);
  readonly control = socketPair();
  readonly attach = socketPair();
  readonly stdout = pipe();
  readonly stderr = pipe();
  readonly #open = new Set([
    this.devNull,
    ...this.control,
    ...this.attach,
    ...this.stdout,
    ...this.stderr,
  ]);

  /** The keeper and the container have theirs. */
  closeOthers(): void {
    const { devNull, control, attach, stdout, stderr } = this;
    this.#close(devNull, control[1], attach[1], stdout[1], stderr[1]);
  }

  /** The shim reads the output, and connections own the sockets. */
  closeOutput(): void {
    this.#close(this.stdout[0], this.stderr[0]);
  }

  closeAll(): void {
    this.#close(...this.#open);
  }

  #close(...fds: readonly number[]): void {
    for (const fd of fds) if (this.#open.delete(fd)) close(fd);
  }
}
