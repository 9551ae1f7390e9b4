/**
 * Stops all processes of a container where they are, and lets them go on.
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v1/freezer-subsystem.html
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html#core-interface-files
 * @module
 */

import { CtrError } from "../errors.ts";
import { exists, readTextIfExists, writeFile } from "../program/mod.ts";
import { type CgroupLayout, cgroupLayout, type CgroupPath, directoryIn } from "./cgroup.ts";

/** How long processes may take to stop; one in uninterruptible sleep does not. */
const PATIENCE_MS = 10_000;

/**
 * Stop or go on with every process, and return when they have. What has not stopped in time goes on.
 *
 * @throws {CtrError} `failed_precondition` when this host cannot, `deadline_exceeded` when a process
 * does not stop within 10 s
 */
export async function freezeCgroup(
  path: CgroupPath,
  frozen: boolean,
  { layout = cgroupLayout(), patienceMs = PATIENCE_MS }: {
    readonly layout?: CgroupLayout;
    readonly patienceMs?: number;
  } = {},
): Promise<void> {
  const freezer = freezerOf(path, layout);
  const subject = typeof path === "string" ? path : Object.values(path)[0] ?? "";
  const operation = frozen ? "pause" : "resume";
  if (freezer === undefined) {
    throw new CtrError({
      code: "failed_precondition",
      operation,
      subject,
      reason: "it has no cgroup with a freezer on this host",
    });
  }
  freezer.set(frozen);
  const until = Date.now() + patienceMs;
  for (let tries = 1; !freezer.has(frozen); tries++) {
    if (Date.now() > until) {
      if (!frozen) return; // something above it is frozen
      freezer.set(false);
      throw new CtrError({
        code: "deadline_exceeded",
        operation,
        subject,
        reason: `its processes did not stop within ${patienceMs} ms`,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, Math.min(tries, 10)));
    // Version 1 gives up on a process that was about to sleep until it is asked again, and on some
    // until they were let go in between.
    if (frozen && tries % 50 === 0) freezer.set(false);
    if (frozen) freezer.set(true);
  }
}

interface Freezer {
  set(frozen: boolean): void;
  /** Whether it is so; true where nothing tells. */
  has(frozen: boolean): boolean;
}

/** Undefined where there is no freezer, or no such cgroup. */
function freezerOf(path: CgroupPath, layout: CgroupLayout): Freezer | undefined {
  const place = layout.version === 2 ? layout.root : layout.controllers.get("freezer");
  const directory = place === undefined ? undefined : directoryIn(place, path);
  const file = `${directory}/${layout.version === 2 ? "cgroup.freeze" : "freezer.state"}`;
  if (directory === undefined || !exists(file)) return undefined;
  if (layout.version === 1) {
    return {
      set: (frozen) => writeFile(file, frozen ? "FROZEN" : "THAWED"),
      has: (frozen) => readTextIfExists(file)?.trim() === (frozen ? "FROZEN" : "THAWED"),
    };
  }
  return {
    set: (frozen) => writeFile(file, frozen ? "1" : "0"),
    has: (frozen) => {
      const state = /^frozen (\d)$/m.exec(readTextIfExists(`${directory}/cgroup.events`) ?? "");
      return state === null || state[1] === (frozen ? "1" : "0");
    },
  };
}
