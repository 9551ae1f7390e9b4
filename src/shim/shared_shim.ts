/**
 * One shim for all containers that a process runs: starting a shim costs more than starting a
 * container, and 5 to 17 MB.
 *
 * @module
 */

import { readTextIfExists, rmdir, unlink } from "../program/mod.ts";
import { type Attachment, type AttachTarget, attachTo, type OnOutput } from "./attachment.ts";
import type { ShimClient } from "./client.ts";
import { type Shim, type ShimProgram, spawnShim } from "./spawn.ts";

interface Started {
  readonly client: ShimClient;
  readonly pid: number;
  readonly directory: string;
}

/** Lends the shim out. It is started when first needed, and again should it have died. */
export class SharedShim {
  readonly #parentDir: string;
  readonly #program: ShimProgram;
  #current: Started | undefined;

  /** @param options.execDir below it, in `shims/PID`, goes the socket */
  constructor(options: {
    readonly execDir: string;
    readonly program: ShimProgram;
  }) {
    this.#parentDir = `${options.execDir}/shims`;
    this.#program = options.program;
  }

  /** The shim, for the start of one container. */
  borrow(): Shim {
    // That it was killed can be seen before its connection tells.
    if (this.#current === undefined || this.#current.client.gone || !lives(this.#current.pid)) {
      this.#current = this.#start();
    }
    const { client, directory } = this.#current;
    return {
      client,
      sharedDir: directory,
      attach: async (
        target: AttachTarget,
        onOutput: OnOutput,
        created: Promise<unknown>,
      ): Promise<Attachment> => {
        await created;
        return await attachTo(directory, target, onOutput);
      },
      release: () => {},
    };
  }

  /** Leave it to its containers; it ends with the last of them. */
  close(): void {
    this.#current?.client.close();
    this.#current = undefined;
  }

  #start(): Started {
    this.#sweep();
    const shim = spawnShim(this.#program);
    const { client, pid } = shim;
    shim.releaseAttach();
    client.keepAliveForCallsOnly();
    return { client, pid, directory: `${this.#parentDir}/${pid}` };
  }

  /** A shim that was killed could not remove its directory. */
  #sweep(): void {
    const { existsSync, readdirSync } = process.getBuiltinModule("node:fs");
    if (!existsSync(this.#parentDir)) return;
    for (const pid of readdirSync(this.#parentDir)) {
      if (readTextIfExists(`/proc/${pid}/stat`) !== undefined) continue;
      unlink(`${this.#parentDir}/${pid}/shim.sock`);
      rmdir(`${this.#parentDir}/${pid}`);
    }
  }
}

/** Neither gone nor a zombie, which a child of ours is until it is reaped. */
function lives(pid: number): boolean {
  const stat = readTextIfExists(`/proc/${pid}/stat`);
  return stat !== undefined && stat[stat.lastIndexOf(")") + 2] !== "Z";
}
