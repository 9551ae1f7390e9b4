/**
 * Creates a container that is started by the same process, at once or later.
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

/** A container whose process is a child of this process, and waits. */
export interface Held extends Running {
  /**
   * Let it go.
   *
   * @throws {CtrError} as {@link startContainer}; the process has ended then, and `delete` is to be called
   */
  start(): Promise<void>;
}

/**
 * Run it: what is to be executed need not be looked up before, and nobody has to open a gate.
 *
 * @throws what {@link createContainer} and {@link startContainer} throw; nothing stays then
 */
export async function runContainer(options: CreateOptions): Promise<Running> {
  const held = await holdContainer(options);
  try {
    await held.start();
  } catch (error) {
    await held.delete();
    throw error;
  }
  return held;
}

/** Create it, for a process that stays: it starts it itself. @throws as {@link createContainer} */
export async function holdContainer(options: CreateOptions): Promise<Held> {
  const launched = await launch({ ...options, gated: false });
  const { process } = launched;
  return {
    process,
    async start() {
      try {
        await hooksInside(launched);
        process.start();
      } catch (error) {
        process.abandon();
        throw error;
      }
      try {
        await hooksAfter(launched);
      } catch (error) {
        killNow(launched);
        throw error;
      }
    },
    delete: () => endContainer(launched, { spec: launched.spec, warn: options.warn }),
  };
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
