/**
 * Creates a container and starts it at once.
 *
 * @module
 */

import type { RuntimeProcess } from "../runtime/mod.ts";
import { endContainer } from "./ending.ts";
import { killNow } from "./kill.ts";
import { launch, type Launched } from "./launch.ts";
import { hookState } from "./record.ts";
import type { CreateOptions } from "./types.ts";

/** A container that runs as a child of this process. */
export interface Running {
  readonly process: RuntimeProcess;
  /** Remove what it leaves, once it has ended. */
  delete(): Promise<void>;
}

/**
 * Run it: what is to be executed need not be looked up before, and nobody has to open a gate.
 *
 * @throws what {@link createContainer} and {@link startContainer} throw; nothing stays then
 */
export async function runContainer(options: CreateOptions): Promise<Running> {
  const launched = await launch({ ...options, gated: false });
  const remove = () => endContainer(launched, { spec: launched.spec, warn: options.warn });
  try {
    await hooksInside(launched);
    launched.process.start();
  } catch (error) {
    launched.process.abandon();
    await remove();
    throw error;
  }
  try {
    await hooksAfter(launched);
  } catch (error) {
    killNow(launched);
    await remove();
    throw error;
  }
  return { process: launched.process, delete: remove };
}

async function hooksInside(launched: Launched): Promise<void> {
  const { startContainer = [] } = launched.spec.hooks ?? {};
  if (startContainer.length === 0) return;
  const { runHooksInside } = await import("./hooks.ts");
  const { effectiveSpec } = await import("./bundle.ts");
  await runHooksInside("startContainer", startContainer, {
    state: hookState(launched.record, "created"),
    spec: effectiveSpec(launched.spec, launched.record.id),
  });
}

async function hooksAfter(launched: Launched): Promise<void> {
  const { poststart = [] } = launched.spec.hooks ?? {};
  if (poststart.length === 0) return;
  const { runHooks } = await import("./hooks.ts");
  await runHooks("poststart", poststart, hookState(launched.record, "running"));
}
