/**
 * The built-in runtime for bundles that somebody else wrote: with hooks, limits by systemd and all else
 * that callers of an OCI runtime expect, but without a process for each command.
 *
 * @module
 */

import { sys } from "../../../ffi/mod.ts";
import { isNotFound } from "../../errors.ts";
import {
  checkpointContainer,
  deleteContainer,
  execInContainer,
  findCriu,
  holdContainer,
  killContainer,
  pauseContainer,
  processesOf,
  readBundle,
  resumeContainer,
  statsOf,
  updateContainer,
  watchOomOf,
} from "../../lifecycle/mod.ts";
import { MNT_DETACH, SIGNALS } from "../../linux/mod.ts";
import type { OciResources } from "../../oci/mod.ts";
import { SYS } from "../../program/mod.ts";
import {
  type CheckpointRequest,
  type ContainerRef,
  type CreateOptions,
  type LowLevelExecOptions,
  type LowLevelProcess,
  type LowLevelRuntime,
  type OomWatch,
  ownerParts,
  type RuntimeProcess,
} from "../../runtime/mod.ts";

/** How its containers are made. */
export interface BundleRuntimeOptions {
  /** Where their state is kept. */
  readonly root: string;
  readonly bundle: string;
  readonly systemdCgroup: boolean;
  readonly noPivot: boolean;
  readonly keepKeyring: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly warn: (message: string) => void;
}

/** One container's runtime. */
export class BundleRuntime implements LowLevelRuntime {
  readonly #options: BundleRuntimeOptions;
  #mounts = 0;

  constructor(options: BundleRuntimeOptions) {
    this.#options = options;
  }

  async create({ id, bundle, rootfs, stdio }: CreateOptions): Promise<LowLevelProcess> {
    const { root, systemdCgroup, noPivot, keepKeyring, warn } = this.#options;
    this.#mounts = rootfs.length;
    try {
      (await ownerParts()).mountRootfs(this.#rootfs, rootfs);
      const held = await holdContainer({
        root,
        id,
        bundle,
        config: readBundle(bundle),
        stdio,
        noPivot,
        keepKeyring,
        warn,
        systemd: systemdCgroup ? { user: false } : undefined,
      });
      const { process } = held;
      return {
        pid: process.pid,
        console: process.console,
        keeper: undefined,
        start: () => held.start(),
        kill: (signal) => this.#kill(id, signal),
        abandon: async () => {
          process.abandon();
          await held.delete();
        },
      };
    } catch (error) {
      this.#unmount();
      throw error;
    }
  }

  /** It is made and started in one. */
  exec({ id, process, stdio }: LowLevelExecOptions): Promise<LowLevelProcess> {
    let made: RuntimeProcess | undefined;
    const { root } = this.#options;
    return Promise.resolve({
      get pid() {
        return made?.pid ?? 0;
      },
      get console() {
        return made?.console;
      },
      keeper: undefined,
      start: async () => {
        made = await execInContainer({ root, id, stdio, process: () => process });
      },
      abandon: () => {},
    });
  }

  async ended(container: ContainerRef): Promise<void> {
    // Without a process-id namespace nothing else ends with the first process.
    await this.signalAll(container, SIGNALS.SIGKILL);
  }

  async destroy({ id }: ContainerRef): Promise<void> {
    const { root, warn } = this.#options;
    await deleteContainer({ root, id }, { force: true, warn });
    this.#unmount();
  }

  async freeze({ id }: ContainerRef, frozen: boolean): Promise<void> {
    const { root } = this.#options;
    await (frozen ? pauseContainer({ root, id }) : resumeContainer({ root, id }));
  }

  async stats({ id }: ContainerRef): Promise<Readonly<Record<string, unknown>>> {
    return (await statsOf({ root: this.#options.root, id })).data!;
  }

  async update({ id }: ContainerRef, resources: OciResources): Promise<void> {
    await updateContainer({ root: this.#options.root, id }, resources);
  }

  async checkpoint({ id }: ContainerRef, request: CheckpointRequest): Promise<void> {
    const { root, env } = this.#options;
    const criu = await findCriu(env, { operation: "checkpoint", id });
    const { path, workPath = path, manageCgroups, ...more } = request;
    const named = manageCgroups === undefined ? {} : { manageCgroups };
    await checkpointContainer({ ...more, ...named, root, id, criu, imagePath: path, workPath });
  }

  async signalAll(container: ContainerRef, signal: number): Promise<void> {
    const { root } = this.#options;
    try {
      await killContainer({ root, id: container.id }, { signal, all: true });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** Hear of it when the kernel runs out of its memory. */
  async watchOom({ id }: ContainerRef): Promise<OomWatch> {
    return await watchOomOf({ root: this.#options.root, id });
  }

  async pids({ id }: ContainerRef): Promise<number[]> {
    return await processesOf({ root: this.#options.root, id });
  }

  async #kill(id: string, signal: number): Promise<boolean> {
    try {
      await killContainer({ root: this.#options.root, id }, { signal });
      return true;
    } catch (error) {
      if ((error as { code?: string }).code === "failed_precondition") return false;
      throw error;
    }
  }

  get #rootfs(): string {
    return `${this.#options.bundle}/rootfs`;
  }

  /** It may be in use by those who look around. */
  #unmount(): void {
    const path = new TextEncoder().encode(`${this.#rootfs}\0`);
    for (; this.#mounts > 0; this.#mounts--) sys(SYS.umount2, path, MNT_DETACH);
  }
}
