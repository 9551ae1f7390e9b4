/**
 * Attaches to the stdio of a running container.
 *
 * @module
 */

import { attachTo, type OnOutput } from "../shim/mod.ts";
import type { Engine } from "./engine.ts";
import { execDir } from "./place.ts";
import type { RunResult } from "./follow.ts";
import { shimOf } from "./task_state.ts";
import type { RunningContainer } from "./types.ts";

/** Attach until the container ends or `detach` is called. */
export async function attachContainer(
  engine: Engine,
  reference: string,
  options: {
    readonly onOutput: OnOutput;
    readonly onStarted?: (running: RunningContainer) => void;
  },
): Promise<RunResult> {
  const record = engine.state.containers.resolve(reference, "attach");
  const { id } = record;
  const shim = await shimOf(engine, record, "attach");
  let left!: () => void;
  const detached = new Promise<"detached">((resolve) => left = () => resolve("detached"));
  try {
    const attachment = await attachTo(
      execDir(engine.directories, id),
      { id },
      options.onOutput,
    );
    const exit = shim.call("Wait", { id });
    exit.catch(() => {});
    options.onStarted?.({
      id,
      name: record.name,
      writeStdin: (bytes) => attachment.write(bytes),
      endStdin: () => attachment.endStdin(),
      kill: async (signal) => void await shim.call("Kill", { id, signal }),
      resize: async (width, height) => void await shim.call("ResizePty", { id, width, height }),
      detach: left,
    });
    const result = await Promise.race([Promise.all([exit, attachment.ended]), detached]);
    if (result === "detached") {
      attachment.detach();
      return { id, exitCode: 0, detached: true };
    }
    return { id, exitCode: result[0].exitStatus, detached: false };
  } finally {
    shim.close();
  }
}
