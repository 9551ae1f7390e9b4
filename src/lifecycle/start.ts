/**
 * Lets the process of a created container go.
 *
 * @module
 */

import { O } from "../linux/mod.ts";
import { close, open } from "../program/mod.ts";
import { effectiveSpec } from "./bundle.ts";
import { directoryOf, findContainer, lockDirectory, readSpec } from "./directory.ts";
import { wrongStatus } from "./errors.ts";
import { openGate, reachGate } from "./gate.ts";
import { killNow } from "./kill.ts";
import { hookState } from "./record.ts";
import { statusOf } from "./status.ts";
import type { ContainerRef } from "./types.ts";
import { waitForExec } from "./waiting.ts";

/** How long the process may take from the gate to its program. */
const EXEC_PATIENCE_MS = 10_000;

/**
 * Start it. Of many that try, one does.
 *
 * @throws {CtrError} `not_found`, `failed_precondition` for one that runs or has ended, and when a hook
 * fails; its process has ended then
 */
export async function startContainer(ref: ContainerRef): Promise<void> {
  const operation = "start";
  using _lock = await lockDirectory(directoryOf(ref), operation);
  const container = findContainer(ref, operation);
  const { directory, record } = container;
  const status = statusOf(container);
  if (status !== "created") {
    throw wrongStatus(
      operation,
      ref.id,
      status === "stopped"
        ? "cannot start a container that has stopped"
        : `cannot start an already running container`,
    );
  }
  const spec = readSpec(directory);
  const { startContainer = [], poststart = [] } = spec.hooks ?? {};
  try {
    if (startContainer.length > 0) {
      const { runHooksInside } = await import("./hooks.ts");
      const inside = { state: hookState(record, "created"), spec: effectiveSpec(spec, ref.id) };
      await runHooksInside("startContainer", startContainer, inside);
    }
    const gate = reachGate(directory);
    if (gate === undefined) {
      throw wrongStatus(operation, ref.id, "cannot start a container that has stopped");
    }
    openGate(gate);
    close(open(`${directory}/started`, O.O_CREAT | O.O_WRONLY, 0o600));
    if (poststart.length > 0) waitForExec(gate, EXEC_PATIENCE_MS);
    close(gate);
    if (poststart.length > 0) {
      const { runHooks } = await import("./hooks.ts");
      await runHooks("poststart", poststart, hookState(record, "running"));
    }
  } catch (error) {
    killNow(container);
    throw error;
  }
}
