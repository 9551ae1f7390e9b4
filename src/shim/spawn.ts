/**
 * Starts shims.
 *
 * @module
 */

import { runtimeArgv } from "../../ffi/mod.ts";
import { close, open, socketPair, spawnHost, waitFor } from "../program/mod.ts";
import { type Attachment, attachOver, type AttachTarget, type OnOutput } from "./attachment.ts";
import { ShimClient } from "./client.ts";

/** A shim, for the start of one container. */
export interface Shim {
  readonly client: ShimClient;
  /** Where its socket is, when it serves more containers than this one. */
  readonly sharedDir: string | undefined;
  /**
   * Attach to the container's first process before it starts.
   *
   * @param created the answer to Create: not every shim can attach before
   */
  attach(
    target: AttachTarget,
    onOutput: OnOutput,
    created: Promise<unknown>,
  ): Attachment | Promise<Attachment>;
  /** This container needs it no more. It ends when nobody does. */
  release(): void;
}

/** Shims that this process started and has not reaped: they may outlive it, and mostly do. */
const children = new Set<number>();

/** The shim's program. */
export interface ShimProgram {
  readonly argv: readonly string[];
  /** `NAME=value`. */
  readonly env: readonly string[];
}

/** @param script default: the source beside this file */
export function shimProgram(
  env: readonly string[],
  script: string = new URL("./main.ts", import.meta.url).pathname,
): ShimProgram {
  // Bun looks for garbage every second, also where nothing happens that could make any.
  return { argv: [...runtimeArgv, script], env: [...env, "BUN_GC_TIMER_DISABLE=1"] };
}

/** Start a shim. It needs about 10 ms until it answers; the caller does something else meanwhile. */
export function spawnShim(program: ShimProgram): OwnShim {
  for (const pid of children) if (waitFor(pid) !== undefined) children.delete(pid);
  const [client, control] = socketPair();
  const [attachFd, attach] = socketPair();
  const devNull = open("/dev/null", 2);
  try {
    const pid = spawnHost({
      ...program,
      fds: [devNull, devNull, devNull, control, attach],
      newSession: true,
      cwd: "/",
    });
    children.add(pid);
    return new OwnShim(pid, ShimClient.over(client), attachFd);
  } catch (error) {
    close(client);
    close(attachFd);
    throw error;
  } finally {
    for (const fd of [control, attach, devNull]) close(fd);
  }
}

/** A shim that was just started, with a socket for its first client. */
export class OwnShim implements Shim {
  readonly sharedDir: undefined;
  readonly pid: number;
  readonly client: ShimClient;
  #attachFd: number | undefined;

  constructor(pid: number, client: ShimClient, attachFd: number) {
    this.pid = pid;
    this.client = client;
    this.#attachFd = attachFd;
  }

  attach(target: AttachTarget, onOutput: OnOutput): Attachment {
    const fd = this.#attachFd!;
    this.#attachFd = undefined;
    return attachOver(fd, target, onOutput);
  }

  /** Nobody will attach by that socket. */
  releaseAttach(): void {
    if (this.#attachFd !== undefined) close(this.#attachFd);
    this.#attachFd = undefined;
  }

  release(): void {
    this.releaseAttach();
    this.client.close();
  }
}
