/**
 * Tasks that containerd makes: its options, the names of their streams, and the events it wants to hear.
 *
 * @module
 */

import { CtrError } from "../../errors.ts";
import { readText, writeFile } from "../../program/mod.ts";
import {
  cgroupPathOf,
  commandRuntime,
  type LowLevelRuntime,
  watchOomAt,
} from "../../runtime/mod.ts";
import type { Decoded } from "../protobuf.ts";
import type { Task } from "../task.ts";
import type { METHODS } from "../task_api.ts";
import { pathsOf, type TaskOptions } from "../types.ts";
import { BundleRuntime } from "./bundle_runtime.ts";
import type { Publisher } from "./publisher.ts";
import { type RuncOptions, runcOptions } from "./runc_options.ts";
import { openStdio } from "./stdio.ts";
import type { EventFields, EventKind } from "./task_events.ts";
import { exitFields } from "../exit_fields.ts";

type CreateRequest = Decoded<typeof METHODS.Create.request>;

/** Where a shim of containerd is at home. */
export interface ForeignSurroundings {
  readonly namespace: string;
  /** Where the states of containers are kept, unless their options say it. */
  readonly root: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly publisher: Publisher;
  readonly warn: (message: string) => void;
  /** Look again which children of the shim have ended. */
  readonly reapAgain: () => void;
}

/** What a bundle's directory keeps for whoever has to clean up after a crash. */
export interface Traces {
  /** Where the state of its container is. */
  readonly root: string;
  /** The runtime's executable, where it is not the built-in one. */
  readonly binary?: string;
}

/** In the bundle. */
export const TRACES_FILE = "ctr-shim.json";

/** What a shim that serves containerd does beside others. */
export class ForeignTasks {
  readonly #surroundings: ForeignSurroundings;

  constructor(surroundings: ForeignSurroundings) {
    this.#surroundings = surroundings;
  }

  /** How to make the task of a request. @throws {CtrError} for what is not supported */
  async optionsOf(
    request: CreateRequest,
  ): Promise<Pick<TaskOptions, "options" | "stdio" | "runtime">> {
    const { id, bundle, stdin, checkpoint } = request;
    const { namespace, env } = this.#surroundings;
    const options = runcOptions(request.options);
    if (checkpoint !== "") throw unsupported("restore from a checkpoint", id);
    if (options.shimCgroup !== "") throw unsupported("place the shim in a cgroup", id);
    const root = `${options.root || this.#surroundings.root}/${namespace}`;
    const owner = { id, namespace, env: entries(env), uid: options.ioUid, gid: options.ioGid };
    return {
      options: { openStdin: stdin !== "", stdinOnce: false, trace: false },
      stdio: { paths: pathsOf(request), open: (paths) => openStdio(paths, owner) },
      runtime: await this.#runtime({ id, bundle, root, options }),
    };
  }

  publish<K extends EventKind>(kind: K, fields: EventFields<K>): void {
    this.#surroundings.publisher.publish(kind, fields);
  }

  /** A task was made. */
  created(request: CreateRequest, pid: number): void {
    const { id, bundle, rootfs } = request;
    this.publish("create", { containerId: id, bundle, rootfs, io: pathsOf(request), pid });
  }

  /** A process was started: tell it, and later its end. */
  started(task: Task, execId: string, pid: number): void {
    const { id } = task;
    if (execId === "") {
      this.publish("start", { containerId: id, pid });
      void this.#watchMemory(task).catch(() => {}); // it may have ended
    } else this.publish("exec-started", { containerId: id, execId, pid });
    void this.#tellExit(task, execId, pid).catch(() => {});
  }

  async #tellExit(task: Task, execId: string, pid: number): Promise<void> {
    const exit = await task.wait(execId);
    // The end of what was added is told before that of the container.
    if (execId === "") {
      const added = [...task.added.values()].filter(({ started }) => started);
      await Promise.all(added.map(({ exited }) => exited));
    }
    this.publish("exit", { containerId: task.id, id: execId || task.id, pid, ...exitFields(exit) });
  }

  async #watchMemory(task: Task): Promise<void> {
    const { runtime, ref } = task;
    const watch = runtime instanceof BundleRuntime
      ? await runtime.watchOom(ref)
      : await watchOomAt(await cgroupPathOf(ref));
    void task.wait("").then(() => watch.close());
    for await (const _ of watch.events) this.publish("oom", { containerId: task.id });
  }

  async #runtime({ id, bundle, root, options }: {
    readonly id: string;
    readonly bundle: string;
    readonly root: string;
    readonly options: RuncOptions;
  }): Promise<LowLevelRuntime> {
    const { env, warn, reapAgain } = this.#surroundings;
    const { binaryName: binary } = options;
    const traces: Traces = { root, ...binary === "" ? {} : { binary } };
    writeFile(`${bundle}/${TRACES_FILE}`, JSON.stringify(traces));
    if (binary !== "") {
      return await otherRuntime({ id, root, binary, env, reapAgain });
    }
    return new BundleRuntime({
      root,
      bundle,
      env,
      warn,
      systemdCgroup: options.systemdCgroup,
      noPivot: options.noPivotRoot,
      keepKeyring: options.noNewKeyring,
    });
  }
}

/** A runtime that is driven by its command line. */
export async function otherRuntime({ id, root, binary, env, reapAgain = () => {} }: {
  readonly id: string;
  readonly root: string;
  readonly binary: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly reapAgain?: () => void;
}): Promise<LowLevelRuntime> {
  const program = { path: findBinary(binary, env), env: entries(env), stateDir: `${root}/${id}` };
  return await commandRuntime(program, { onIdle: reapAgain });
}

/** What a crash left of a bundle's container; undefined when there was none yet. */
export function tracesIn(bundle: string): Traces | undefined {
  try {
    return JSON.parse(readText(`${bundle}/${TRACES_FILE}`)) as Traces;
  } catch {
    return undefined;
  }
}

/** An executable by its path, or in PATH. */
function findBinary(name: string, env: ForeignSurroundings["env"]): string {
  if (name.startsWith("/")) return name;
  const { existsSync } = process.getBuiltinModule("node:fs");
  const path = (env["PATH"] ?? "").split(":").filter((directory) => directory.startsWith("/"));
  const found = path.map((directory) => `${directory}/${name}`).find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new CtrError({
    code: "not_found",
    operation: "run OCI runtime",
    subject: name,
    reason: "no such executable in PATH",
  });
}

function entries(env: ForeignSurroundings["env"]): string[] {
  return Object.entries(env).filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`);
}

function unsupported(what: string, subject: string): CtrError {
  return new CtrError({
    code: "not_implemented",
    operation: what,
    subject,
    reason: "this shim cannot do that",
  });
}
