/**
 * ctr: a container engine for Bun and Deno. Everything that the command line does is a function here.
 *
 * @example Run a container and use its output
 * ```ts
 * import { Ctr } from "jsr:@x/ctr";
 *
 * await using ctr = new Ctr();
 * const { exitCode, stdout } = await ctr.run({ image: "host", command: ["uname", "-r"] });
 * console.log(exitCode, stdout);
 * ```
 *
 * @module
 */

import { runtimeArgv } from "./ffi/mod.ts";
import { directories } from "./src/state/mod.ts";
import {
  attach,
  type ContainerOptions,
  type ContainerSummary,
  control,
  createContainer,
  type Engine,
  exec,
  type ExecOptions,
  type ExecResult,
  list,
  type LogEntry,
  type LogOptions,
  logs,
  openEngine,
  runContainer,
  runDetached,
  type RunOptions,
  type RunResult,
} from "./src/task/mod.ts";

export { codeOf, CtrError, isAlreadyExists, isNotFound, SyscallError } from "./src/errors.ts";
export type { ErrorCode } from "./src/errors.ts";
export type {
  ContainerOptions,
  ContainerSummary,
  ExecOptions,
  ExecResult,
  LogEntry,
  LogOptions,
  RunningContainer,
  RunOptions,
  RunResult,
} from "./src/task/mod.ts";
export type { Image, ImageSummary } from "./src/image/mod.ts";

/** Where the engine keeps things; both have the defaults of the command line. */
export interface CtrOptions {
  /** Default `/var/lib/ctr`. */
  readonly dataRoot?: string;
  /** Default `/run/ctr`. */
  readonly execRoot?: string;
}

/** How a run ended, with what it wrote. */
export interface RunOutput extends RunResult {
  /** Everything that went to standard output, unless `onOutput` was given. */
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * The engine. Opening it costs about a millisecond; nothing runs in the background, and containers
 * outlive it.
 */
export class Ctr {
  readonly #engine: Engine;

  constructor(options: CtrOptions = {}) {
    const found = directories({
      dataRoot: options.dataRoot,
      execRoot: options.execRoot,
      env: process.env,
      uid: process.getuid!(),
    });
    const script = new URL("./cli/main.ts", import.meta.url).pathname;
    const roots = ["--data-root", found.data, "--exec-root", found.exec];
    this.#engine = openEngine({
      directories: found,
      cleanupArgv: [...runtimeArgv, script, ...roots, "rm", "--force"],
      sharedShim: true,
      env: process.env,
    });
  }

  /** Run a container to its end. It is removed afterwards unless `autoRemove: false`. */
  async run(options: RunOptions): Promise<RunOutput> {
    const chunks: [Uint8Array[], Uint8Array[]] = [[], []];
    const result = await runContainer(this.#engine, {
      autoRemove: true,
      onOutput: (stream, bytes) => void chunks[stream === 2 ? 1 : 0].push(bytes.slice()),
      ...options,
    });
    const [stdout, stderr] = chunks.map((parts) => Buffer.concat(parts).toString("utf8"));
    return { ...result, stdout: stdout!, stderr: stderr! };
  }

  /** Make and start a container in the background. Returns its ID. */
  async start(options: ContainerOptions): Promise<string> {
    return (await runDetached(this.#engine, options)).id;
  }

  /** Make a container without starting it. Returns its ID. */
  async create(options: ContainerOptions): Promise<string> {
    return (await createContainer(this.#engine, options)).record.id;
  }

  /** Run a command in a running container. */
  async exec(container: string, options: ExecOptions): Promise<ExecResult> {
    return await (await exec()).execContainer(this.#engine, container, options);
  }

  /** Attach to a running container until it ends. */
  async attach(
    container: string,
    onOutput: (stream: number, bytes: Uint8Array) => void,
  ): Promise<RunResult> {
    return await (await attach()).attachContainer(this.#engine, container, { onOutput });
  }

  /** Ask a container to end, and make it after the grace period. */
  async stop(container: string, options: { readonly timeoutSec?: number } = {}): Promise<void> {
    await (await control()).stopContainer(this.#engine, container, options);
  }

  /** Send a signal. */
  async kill(container: string, signal = "SIGKILL"): Promise<void> {
    await (await control()).killContainer(this.#engine, container, signal);
  }

  /** Wait for the end of a container. Returns its exit code. */
  async wait(container: string): Promise<number> {
    return await (await control()).waitContainer(this.#engine, container);
  }

  /** Remove a container. */
  async remove(container: string, options: { readonly force?: boolean } = {}): Promise<void> {
    await (await control()).removeContainer(this.#engine, container, options);
  }

  /** All containers, newest first. */
  async list(): Promise<ContainerSummary[]> {
    return await (await list()).listContainers(this.#engine);
  }

  /** What `docker inspect` shows. */
  async inspect(container: string): Promise<Record<string, unknown>> {
    return await (await list()).inspectContainer(this.#engine, container);
  }

  /** The log of a container, as it grows with `follow`. */
  async *logs(container: string, options: LogOptions = {}): AsyncGenerator<LogEntry> {
    yield* (await logs()).containerLogs(this.#engine, container, options);
  }

  /** Images by name. */
  get images(): Engine["images"] {
    return this.#engine.images;
  }

  /** Close the store. Containers go on. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#engine.close();
    return Promise.resolve();
  }
}

if (import.meta.main) {
  void import("./cli/main.ts").then(async ({ main }) => {
    process.exit(await main(process.argv.slice(2)));
  });
}
