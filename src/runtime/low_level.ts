/**
 * The contract between a container's owner, the shim, and what makes its processes: the built-in
 * runtime, or a program such as runc that is driven by its command line.
 *
 * Life cycle: `create`, then `start` of what that returned; `exec` and the others while it runs; after
 * its end `destroy`, which leaves nothing of it and may be repeated. Processes become children of the
 * caller's process, which reaps them once they were started.
 *
 * @module
 */

import type { OciResources, OciSpec } from "../oci/mod.ts";
import type { CreateOptions, ExecOptions, RuntimeProcess } from "./types.ts";

/** Which container an operation is about. */
export interface ContainerRef {
  readonly id: string;
  readonly spec: OciSpec;
}

/** What a low-level runtime wants to know of a process that it adds. */
export interface LowLevelExecOptions extends ExecOptions {
  readonly id: string;
}

/** A process of whichever runtime. {@link RuntimeProcess} is one. */
export interface LowLevelProcess extends Pick<RuntimeProcess, "keeper"> {
  /** 0 before the start, where the runtime makes and starts an added process in one. */
  readonly pid: number;
  /** Its exit code, where it does not become a child of this process. */
  readonly exited?: Promise<number>;
  /** The pty master, as early as `pid`. */
  readonly console: number | undefined;
  /** Let it exec. @throws {CtrError} with operation `execute` when it cannot */
  start(): void | Promise<void>;
  /** Give up before `start`: the process ends and is reaped. */
  abandon(): void | Promise<void>;
  /**
   * Send it a signal; absent: kill(2) will do.
   *
   * @returns whether it was there
   */
  kill?(signal: number): Promise<boolean>;
  /** Its input has ended, where closing the pipe is not enough. */
  closeStdin?(): void;
  /** Its terminal has another size, where that is not `console`. */
  resize?(width: number, height: number): void;
}

/** How a container is saved. */
export interface CheckpointRequest {
  /** Absolute: where the images go. */
  readonly path: string;
  /** Absolute: where the logs go; default: beside the images. */
  readonly workPath?: string;
  /** Let it run on. */
  readonly leaveRunning: boolean;
  readonly tcpEstablished?: boolean;
  readonly externalUnixSockets?: boolean;
  readonly shellJob?: boolean;
  readonly fileLocks?: boolean;
  readonly emptyNamespaces?: readonly string[];
  readonly manageCgroups?: string;
}

/** What makes the processes of one container. */
export interface LowLevelRuntime {
  create(options: CreateOptions): Promise<LowLevelProcess>;
  exec(options: LowLevelExecOptions): Promise<LowLevelProcess>;
  destroy(container: ContainerRef): Promise<void>;
  freeze(container: ContainerRef, frozen: boolean): Promise<void>;
  /** A process with a terminal gets stdin and stdout all the same: the terminal is behind them. */
  readonly relaysTerminal?: boolean;
  /** What it uses, in containerd's words; absent: `stats` tells it. */
  metrics?(
    container: ContainerRef,
  ): Promise<{ readonly typeUrl: string; readonly value: Uint8Array } | undefined>;
  /** What its controllers counted, in the words of `runc events --stats`. */
  stats(container: ContainerRef): Promise<Readonly<Record<string, unknown>>>;
  /** Change limits while it runs: all that are mentioned, or none. */
  update(container: ContainerRef, resources: OciResources): Promise<void>;
  /** Save it. Absent: it cannot. */
  checkpoint?(container: ContainerRef, request: CheckpointRequest): Promise<void>;
  /** Send a signal to everything that runs in it. */
  signalAll(container: ContainerRef, signal: number): Promise<void>;
  /**
   * Its first process has ended: end what else runs in it and leave the rest to `destroy`, which comes
   * when somebody deletes the container. Absent: `destroy` comes now.
   */
  ended?(container: ContainerRef): Promise<void>;
  pids(container: ContainerRef): Promise<number[]>;
  /**
   * Reap the children of this process that nobody owns, where the runtime makes it the parent of
   * others' children. As a zombie, one would keep the process-id namespace that it was in.
   */
  reapOrphans?(owned: (pid: number) => boolean): void;
}
