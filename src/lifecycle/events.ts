/**
 * What a container uses, and when it runs out of memory.
 *
 * @module
 */

import { containerStatsJsonAt, type OomWatch, watchOomAt } from "../runtime/mod.ts";
import { findContainer } from "./directory.ts";
import { wrongStatus } from "./errors.ts";
import { isAlive } from "./status.ts";
import type { ContainerRef } from "./types.ts";

/** As runc prints it. */
export interface ContainerEvent {
  readonly type: "stats" | "oom";
  readonly id: string;
  /** Of `stats`; counts beyond 2^53 are raw JSON numbers. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** What it uses now. @throws {CtrError} `not_found`, `failed_precondition` for one that has stopped */
export async function statsOf(ref: ContainerRef): Promise<ContainerEvent> {
  const { record } = findContainer(ref, "watch");
  if (!isAlive(record)) throw wrongStatus("watch", ref.id, "container not running");
  return { type: "stats", id: ref.id, data: await containerStatsJsonAt(record.cgroupsPath) };
}

/** Hear of it when the kernel runs out of its memory. @throws {CtrError} `not_found` */
export async function watchOomOf(ref: ContainerRef): Promise<OomWatch> {
  return await watchOomAt(findContainer(ref, "watch").record.cgroupsPath);
}

/**
 * What it uses, again and again, and every time the kernel ran out of its memory, until it has ended.
 *
 * @param options.intervalMs between two looks at what it uses
 * @throws {CtrError} as {@link statsOf}
 */
export async function* eventsOf(
  ref: ContainerRef,
  { intervalMs }: { readonly intervalMs: number },
): AsyncGenerator<ContainerEvent> {
  yield await statsOf(ref);
  const { record } = findContainer(ref, "watch");
  const watch = await watchOomAt(record.cgroupsPath);
  const ooms = watch.events[Symbol.asyncIterator]();
  try {
    let oom = ooms.next();
    while (isAlive(record)) {
      const { promise: pause, end } = timer(intervalMs);
      const next = await Promise.race([oom, pause]);
      end();
      if (next === undefined) {
        if (isAlive(record)) yield await statsOf(ref);
      } else if (next.done === true) return;
      else {
        yield { type: "oom", id: ref.id };
        oom = ooms.next();
      }
    }
  } finally {
    watch.close();
  }
}

function timer(ms: number): { promise: Promise<undefined>; end: () => void } {
  let handle: ReturnType<typeof setTimeout>;
  const promise = new Promise<undefined>((resolve) => {
    handle = setTimeout(() => resolve(undefined), ms);
  });
  return { promise, end: () => clearTimeout(handle) };
}
