/**
 * The engine: directories, store, snapshots and images, opened once. Its verbs are the functions of
 * this room, which take it as their first argument.
 *
 * @module
 */

import { dockerConfigAccess, type Images, openImages } from "../image/mod.ts";
import { sharedShim, type Shim, type ShimProgram, shimProgram, spawnShim } from "../shim/mod.ts";
import type { Networks } from "../network/mod.ts";
import { type OpenSnapshotter, openUsual, type Snapshotter } from "../snapshot/mod.ts";
import { type Directories, networksOf, openState, type State } from "../state/mod.ts";

/** Everything that an operation needs. */
export interface Engine {
  readonly directories: Directories;
  readonly state: State;
  readonly snapshotter: Snapshotter;
  readonly images: Images;
  /** The snapshotter that made a container's snapshot; the engine's own where none did. */
  snapshotterOf(record: { readonly snapshotter: string }): Promise<Snapshotter>;
  /** Images and snapshots by another snapshotter of this name. @throws {CtrError} if there is none. */
  by(snapshotter: string | undefined): Promise<Pick<Engine, "images" | "snapshotter">>;
  /** The networks of this store, opened when first needed. */
  networks(): Promise<Networks>;
  /** Close the store. Containers go on. */
  close(): void;
  /** A shim for the start of one container, which is to be released. */
  shim(): Shim | Promise<Shim>;
  /** What a keeper becomes; absent where containers share a shim. */
  readonly keeper: ShimProgram | undefined;
  /** `NAME=value` for the programs that it starts. */
  readonly env: readonly string[];
  /** The command that reaches this store, for shims that have to clean up: `[…, "rm"]`. */
  readonly cleanupArgv: readonly string[];
}

/** How to open an engine. */
export interface EngineOptions {
  readonly directories: Directories;
  readonly cleanupArgv: readonly string[];
  /** The shim's program, where it is not the source: a bundle. */
  readonly shimScript?: string | undefined;
  /** The same for the threads that unpack images. */
  readonly unpackScript?: string | undefined;
  /**
   * All containers started here have one shim, which is started once: for a process that starts many.
   * Killing that shim ends them all.
   */
  readonly sharedShim?: boolean;
  /** How image layers are kept, where nothing else is said. */
  readonly openSnapshotter?: OpenSnapshotter | undefined;
  /** Shims get of it what the runtime needs, nothing of the user's secrets. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * An engine. The store is opened when it is first needed, which costs about a millisecond: a run has
 * started its shim by then.
 */
export function openEngine(options: EngineOptions): Engine {
  const { unpackScript } = options;
  let opened: Pick<Engine, "state" | "snapshotter" | "images"> | undefined;
  const store = () => {
    if (opened === undefined) {
      const state = openState(options.directories);
      const snapshotter = (options.openSnapshotter ?? openUsual)(state);
      const access = () => dockerConfigAccess(options.env ?? {});
      opened = {
        state,
        snapshotter,
        images: openImages({ state, snapshotter, access, unpackScript }),
      };
    }
    return opened;
  };
  const shimEnv = ["PATH", "HOME", "DENO_DIR", "BUN_RUNTIME_TRANSPILER_CACHE_PATH"]
    .filter((name) => options.env?.[name] !== undefined)
    .map((name) => `${name}=${options.env![name]}`);
  let shared: Promise<{ borrow(): Shim; close(): void }> | undefined;
  const sharedBy = async () => {
    shared ??= sharedShim().then(({ SharedShim }) =>
      new SharedShim({
        execDir: options.directories.exec,
        program,
      })
    );
    return (await shared).borrow();
  };
  const program = shimProgram(shimEnv, options.shimScript);
  const by = async (name: string | undefined): Promise<Pick<Engine, "images" | "snapshotter">> => {
    const { state, snapshotter, images } = store();
    if (name === undefined || name === "" || name === snapshotter.name) {
      return { snapshotter, images };
    }
    const { openSnapshotter } = await import("../snapshot/mod.ts");
    const other = await openSnapshotter(name, state);
    const access = () => dockerConfigAccess(options.env ?? {});
    return {
      snapshotter: other,
      images: openImages({ state, snapshotter: other, access, unpackScript }),
    };
  };
  let networks: Promise<Networks> | undefined;
  const engine: Engine = {
    directories: options.directories,
    networks: () => networks ??= networksIn(engine),
    by,
    snapshotterOf: async ({ snapshotter }) => (await by(snapshotter)).snapshotter,
    get state() {
      return store().state;
    },
    get snapshotter() {
      return store().snapshotter;
    },
    get images() {
      return store().images;
    },
    close() {
      void shared?.then((shim) => shim.close());
      void networks?.then((opened) => opened.close());
      opened?.snapshotter.close();
      opened?.state.close();
    },
    shim: () => options.sharedShim ? sharedBy() : spawnShim(program),
    keeper: options.sharedShim ? undefined : program,
    env: shimEnv,
    cleanupArgv: options.cleanupArgv,
  };
  return engine;
}

async function networksIn(engine: Engine): Promise<Networks> {
  const [{ openNetworks }, { isAlive }, table] = await Promise.all([
    import("../network/mod.ts"),
    import("./task_state.ts"),
    networksOf(engine.state),
  ]);
  return openNetworks({ state: engine.state, table, isAlive: (id) => isAlive(engine, id) });
}
