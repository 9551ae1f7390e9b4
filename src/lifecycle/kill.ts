/**
 * Signals to a container.
 *
 * @module
 */

import { SIGNALS } from "../linux/mod.ts";
import { kill } from "../program/mod.ts";
import { freezeAt, signalAt } from "../runtime/mod.ts";
import { findContainer, readSpec } from "./directory.ts";
import { wrongStatus } from "./errors.ts";
import { isAlive, statusOf } from "./status.ts";
import type { Container, ContainerRef } from "./types.ts";
import { waitForEnd } from "./waiting.ts";

/**
 * Send a signal to a container's first process.
 *
 * @param options.all to every process in its cgroups, also when the first one has ended
 * @throws {CtrError} `not_found`, `failed_precondition` for one that has stopped
 */
export async function killContainer(
  ref: ContainerRef,
  { signal, all = false }: { readonly signal: number; readonly all?: boolean },
): Promise<void> {
  const container = findContainer(ref, "kill");
  const { record, directory } = container;
  const status = statusOf(container);
  if (status === "stopped" && !all) throw wrongStatus("kill", ref.id, "container not running");
  const { namespaces = [] } = readSpec(directory).linux ?? {};
  const ownPids = namespaces.some(({ type, path }) => type === "pid" && (path ?? "") === "");
  // Without a process-id namespace nothing else ends with the first process.
  if (all || (signal === SIGNALS.SIGKILL && !ownPids)) {
    await signalAt(record.cgroupsPath, signal);
  } else if (!kill(record.pid, signal)) throw wrongStatus("kill", ref.id, "container not running");
  // A frozen process does not even die.
  if (signal === SIGNALS.SIGKILL && status === "paused") await freezeAt(record.cgroupsPath, false);
}

/** How long a process that was killed may take to end. */
const PATIENCE_MS = 10_000;

/** Kill the first process and wait for its end. @throws {CtrError} when it does not end */
export function killNow(container: Container): void {
  const { record } = container;
  if (!isAlive(record)) return;
  kill(record.pid, SIGNALS.SIGKILL);
  if (!waitForEnd(record.pid, PATIENCE_MS)) {
    throw wrongStatus("kill", record.id, `its process ${record.pid} does not end`);
  }
}
