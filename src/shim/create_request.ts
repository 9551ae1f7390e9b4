/**
 * The Create request of the Task API, from what an engine knows of a task to be.
 *
 * @module
 */

import type { RootfsMount } from "../runtime/mod.ts";
import type { Decoded } from "./protobuf.ts";
import { type CreateTaskOptions, type METHODS, OPTIONS_TYPE } from "./task_api.ts";

/** A task to be. */
export interface NewTask {
  readonly id: string;
  /** Directory with `config.json`. */
  readonly bundle: string;
  readonly rootfs: readonly RootfsMount[];
  readonly terminal: boolean;
  readonly options: CreateTaskOptions;
}

/** The mounts of a request. */
export function mountsOf(
  { rootfs }: Pick<Decoded<typeof METHODS.Create.request>, "rootfs">,
): RootfsMount[] {
  return rootfs.map(({ target, lowers, ...mount }) => ({
    ...mount,
    ...(target === "" ? {} : { target }),
    ...(lowers.length === 0 ? {} : { lowers }),
  }));
}

/** The request that makes it. */
export function createRequest({ options, ...task }: NewTask) {
  const value = new TextEncoder().encode(JSON.stringify(options));
  return { ...task, options: { typeUrl: OPTIONS_TYPE, value } };
}
