/**
 * The engine: directories, store, snapshots and images, opened once. Its verbs are the functions of
 * this room, which take it as their first argument.
 *
 * @module
 */

import { type Images, openImages } from "../image/mod.ts";
import { openOverlay, type Snapshotter } from "../snapshot/mod.ts";
import { type Directories, openState, type State } from "../state/mod.ts";

/** Everything that an operation needs. */
export interface Engine {
  readonly directories: Directories;
  readonly state: State;
  readonly snapshotter: Snapshotter;
  readonly images: Images;
  /** The environment for shims: what the runtime needs, nothing of the user's secrets. */
  readonly shimEnv: readonly string[];
  /** The shim's program, where it is not the source: a bundle. */
  readonly shimScript: string | undefined;
  /** The command that reaches this store, for shims that have to clean up: `[…, "container", "rm"]`. */
  readonly cleanupArgv: readonly string[];
}

/** How to open an engine. */
export interface EngineOptions {
  readonly directories: Directories;
  readonly cleanupArgv: readonly string[];
  readonly shimScript?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Open the store. Costs about a millisecond; nothing else is loaded. */
export function openEngine(options: EngineOptions): Engine {
  const state = openState(options.directories);
  const snapshotter = openOverlay(state);
  const shimEnv = ["PATH", "HOME", "DENO_DIR", "BUN_RUNTIME_TRANSPILER_CACHE_PATH"]
    .filter((name) => options.env?.[name] !== undefined)
    .map((name) => `${name}=${options.env![name]}`);
  return {
    directories: options.directories,
    state,
    snapshotter,
    images: openImages({ state, snapshotter }),
    shimEnv,
    shimScript: options.shimScript,
    cleanupArgv: options.cleanupArgv,
  };
}

/** Close the store. Containers go on. */
export function closeEngine(engine: Engine): void {
  engine.snapshotter.close();
  engine.state.close();
}
