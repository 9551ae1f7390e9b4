/**
 * Another shim of containerd as a low-level runtime: containerd-shim-runc-v2, kata's, gVisor's. It makes
 * the processes; log, clients and all else of a container stay ours.
 *
 * Streams are our pipes, which it opens again through `/proc`. The container's root is mounted in a mount
 * namespace that it is started in, so nobody has to unmount anything, not even after a crash. All it
 * keeps is below the container's state directory, but its socket.
 *
 * @module
 */

import { CtrError, isNotFound } from "../../errors.ts";
import { SIGNALS } from "../../linux/mod.ts";
import type { OciResources } from "../../oci/mod.ts";
import { ensureDirectory, unlink, writeFile } from "../../program/mod.ts";
import {
  type CheckpointRequest,
  type ContainerRef,
  type CreateOptions,
  destroy,
  type LowLevelExecOptions,
  type LowLevelProcess,
  type LowLevelRuntime,
  ownerParts,
  type Stdio,
} from "../../runtime/mod.ts";
import { ShimClient } from "../client.ts";
import { encodeCheckpoint, encodeOptions } from "../containerd/runc_options.ts";
import { addressOf, bundleOf, deleteOther, type OtherShim, startOther } from "./shim_process.ts";

const SPEC_TYPE = "types.containerd.io/opencontainers/runtime-spec/1";
/** How long it may take to end when it is told to. */
const END_MS = 10_000;

/** One container's shim. */
export class ShimRuntime implements LowLevelRuntime {
  readonly relaysTerminal = true;
  readonly #shim: OtherShim;
  #client: ShimClient | undefined;
  #execs = 0;

  constructor(shim: OtherShim) {
    this.#shim = shim;
  }

  async create(options: CreateOptions): Promise<LowLevelProcess> {
    const { id, spec, rootfs, stdio } = options;
    const { stateDir, path } = this.#shim;
    const bundle = bundleOf(this.#shim);
    ensureDirectory(`${bundle}/rootfs`, 0o700);
    writeFile(`${stateDir}/runtime`, path);
    const own = { ...spec, root: { ...spec.root, path: "rootfs" } };
    writeFile(`${bundle}/config.json`, JSON.stringify(own));
    try {
      const { privateRootfsSteps } = await ownerParts();
      const source = spec.root?.path ?? "";
      const mounts = rootfs.length > 0
        ? rootfs
        : [{ type: "bind", source: absolute(source, options.bundle), options: ["rbind"] }];
      const socket = await startOther(
        this.#shim,
        (p) => privateRootfsSteps(p, { bundle, spec: own, rootfs: mounts }),
      );
      this.#client = await ShimClient.at(socket);
      const terminal = spec.process?.terminal === true;
      const { pid } = await this.#call(
        "create",
        spec.process?.args[0],
        (client) =>
          client.call("Create", {
            id,
            bundle,
            terminal,
            ...pathsOf(stdio, terminal),
            ...isRunc(path) ? { options: encodeOptions({ root: `${stateDir}/runc` }) } : {},
          }),
      );
      return this.#process({ id, execId: "", pid: () => pid }, spec.process?.args[0]);
    } catch (error) {
      await this.destroy({ id, spec }).catch(() => {});
      throw error;
    }
  }

  async exec({ id, process, stdio }: LowLevelExecOptions): Promise<LowLevelProcess> {
    const execId = `exec-${this.#execs++}`;
    const terminal = process.terminal === true;
    const value = new TextEncoder().encode(JSON.stringify(process));
    await this.#call("exec", process.args[0], (client) =>
      client.call("Exec", {
        id,
        execId,
        terminal,
        ...pathsOf(stdio, terminal),
        spec: { typeUrl: `${SPEC_TYPE}/Process`, value },
      }));
    let pid = 0;
    return this.#process(
      { id, execId, pid: () => pid, started: (now) => pid = now },
      process.args[0],
    );
  }

  #process(
    { id, execId, pid, started }: {
      readonly id: string;
      readonly execId: string;
      readonly pid: () => number;
      readonly started?: (pid: number) => void;
    },
    executable: string | undefined,
  ): LowLevelProcess {
    const client = this.#client!;
    const target = { id, execId };
    const exited = Promise.withResolvers<number>();
    return {
      get pid() {
        return pid();
      },
      console: undefined,
      keeper: undefined,
      exited: exited.promise,
      start: async () => {
        const command = execId === "" ? "start" : "exec";
        const made = await this.#call(command, executable, () => client.call("Start", target));
        started?.(made.pid);
        void this.#waitFor(target).then(exited.resolve);
      },
      abandon: async () => {
        await client.call("Kill", { ...target, signal: SIGNALS.SIGKILL }).catch(() => {});
        await client.call("Delete", target).catch(() => {});
      },
      kill: async (signal) => {
        try {
          await client.call("Kill", { ...target, signal });
          return true;
        } catch (error) {
          if (isNotFound(error)) return false;
          throw error;
        }
      },
      closeStdin: () => {
        client.call("CloseIO", { ...target, stdin: true }).catch(() => {});
      },
      resize: (width, height) => {
        client.call("ResizePty", { ...target, width, height }).catch(() => {});
      },
    };
  }

  /** How a process ended. Of one whose shim has died nobody knows. */
  async #waitFor(target: { readonly id: string; readonly execId: string }): Promise<number> {
    try {
      const { exitStatus } = await this.#client!.call("Wait", target);
      if (target.execId !== "") await this.#client!.call("Delete", target).catch(() => {});
      return exitStatus;
    } catch {
      return 128 + SIGNALS.SIGKILL;
    }
  }

  async destroy(container: ContainerRef): Promise<void> {
    const { rmSync } = process.getBuiltinModule("node:fs");
    const client = this.#client?.gone === false ? this.#client : await this.#reach();
    const { id } = container;
    if (client !== undefined) {
      await endShim(client, id);
    } else if (addressOf(this.#shim) !== undefined) {
      await deleteOther(this.#shim).catch(() => {}); // it died before it had a container
    }
    this.#client = undefined;
    await destroy(container);
    rmSync(bundleOf(this.#shim), { recursive: true, force: true });
    rmSync(`${this.#shim.stateDir}/runc`, { recursive: true, force: true });
    unlink(`${this.#shim.stateDir}/runtime`);
  }

  /** One that was started by somebody who died. */
  async #reach(): Promise<ShimClient | undefined> {
    const address = addressOf(this.#shim);
    return address === undefined ? undefined : await ShimClient.at(address).catch(() => undefined);
  }

  async freeze({ id }: ContainerRef, frozen: boolean): Promise<void> {
    await this.#live.call(frozen ? "Pause" : "Resume", { id });
  }

  stats(): Promise<never> {
    throw new TypeError("another shim has metrics");
  }

  async metrics({ id }: ContainerRef) {
    return (await this.#live.call("Stats", { id })).stats;
  }

  async pids({ id }: ContainerRef): Promise<number[]> {
    return (await this.#live.call("Pids", { id })).processes.map(({ pid }) => pid);
  }

  async update({ id }: ContainerRef, resources: OciResources): Promise<void> {
    const value = new TextEncoder().encode(JSON.stringify(resources));
    const typeUrl = `${SPEC_TYPE}/LinuxResources`;
    await this.#live.call("Update", { id, resources: { typeUrl, value } });
  }

  async checkpoint({ id }: ContainerRef, request: CheckpointRequest): Promise<void> {
    const options = encodeCheckpoint(request);
    await this.#live.call("Checkpoint", { id, path: request.path, options });
  }

  async signalAll({ id }: ContainerRef, signal: number): Promise<void> {
    await this.#live.call("Kill", { id, signal, all: true });
  }

  get #live(): ShimClient {
    if (this.#client !== undefined) return this.#client;
    const reason = "its shim has ended";
    throw new CtrError({ code: "failed_precondition", operation: "reach container", reason });
  }

  /** A call that may execute something, with an error that tells if it could not. */
  async #call<T>(
    command: string,
    executable: string | undefined,
    work: (client: ShimClient) => Promise<T>,
  ): Promise<T> {
    try {
      return await work(this.#live);
    } catch (error) {
      const { path } = this.#shim;
      const runtime = path.slice(path.lastIndexOf("/") + 1);
      const output = error instanceof CtrError ? error.reason : String(error);
      const { commandError } = await ownerParts();
      throw commandError({ runtime, command, exitCode: 1, log: "", output }, executable);
    }
  }
}

/** End its container, should it run, and then the shim. */
async function endShim(client: ShimClient, id: string): Promise<void> {
  const killed = async () => {
    await client.call("Resume", { id }).catch(() => {}); // what is frozen does not end
    await client.call("Kill", { id, signal: SIGNALS.SIGKILL, all: true }).catch(() => {});
    await client.call("Wait", { id });
  };
  await killed().catch(() => {}); // it has none
  await client.call("Delete", { id }).catch(() => {});
  const over = client.ended();
  await client.call("Shutdown", { id, now: true }).catch(() => {});
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, END_MS));
  await Promise.race([over, late]);
  clearTimeout(timer);
  client.close();
}

function isRunc(path: string): boolean {
  return /\/containerd-shim-(runc|ctr)-v\d+$/.test(path);
}

/** The names of pipes that are ours. */
function pathsOf({ stdin, stdout, stderr }: Stdio, terminal: boolean) {
  const { readlinkSync } = process.getBuiltinModule("node:fs");
  const path = (fd: number) => `/proc/${process.pid}/fd/${fd}`;
  const isPipe = readlinkSync(path(stdin)).startsWith("pipe:");
  return {
    stdin: isPipe ? path(stdin) : "",
    stdout: path(stdout),
    stderr: terminal ? "" : path(stderr),
  };
}

function absolute(path: string, bundle: string): string {
  return path.startsWith("/") ? path : `${bundle}/${path}`;
}
