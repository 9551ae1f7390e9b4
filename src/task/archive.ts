/**
 * Containers to archives and images: export, diff, commit.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { Image } from "../image/mod.ts";
import { type ContainerChange, trees } from "../snapshot/mod.ts";
import type { ContainerRecord } from "../state/mod.ts";
import type { Engine } from "./engine.ts";
import { whilePaused } from "./paused_for.ts";
import { taskState } from "./task_state.ts";

/** How to {@link commitContainer}. */
export interface CommitContainerOptions {
  /** A reference to tag the image with. */
  readonly name?: string | undefined;
  readonly author?: string | undefined;
  readonly message?: string | undefined;
  /** Instructions of a Dockerfile. */
  readonly changes?: readonly string[] | undefined;
  /** How the layer is packed. Default gzip. */
  readonly compression?: "gzip" | "zstd" | undefined;
  /** Stop its processes meanwhile. Default true. */
  readonly pause?: boolean | undefined;
}

/** All files of a container, running or not, as a tar archive. Volumes are not among them. */
export async function* exportContainer(
  engine: Engine,
  reference: string,
): AsyncGenerator<Uint8Array, void> {
  const record = engine.state.containers.resolve(reference, "export");
  const { tarOfContainer, tarOfDirectory } = await trees();
  yield* record.snapshotKey === ""
    ? tarOfDirectory(record.rootfs)
    : tarOfContainer(await engine.snapshotterOf(record), record.snapshotKey);
}

/** What a container changed of its image, by path. */
export async function diffContainer(
  engine: Engine,
  reference: string,
): Promise<readonly ContainerChange[]> {
  const record = engine.state.containers.resolve(reference, "compare");
  const { changesOfContainer } = await trees();
  const key = keyOf(record, "compare");
  return await changesOfContainer(await engine.snapshotterOf(record), key);
}

/**
 * An image of a container: its own image, and a layer of what it changed.
 *
 * @throws {CtrError} `not_found`, also when its image is gone; `not_implemented` for a container
 * without an image, or of the image `host`.
 */
export async function commitContainer(
  engine: Engine,
  reference: string,
  options: CommitContainerOptions = {},
): Promise<Image> {
  const record = engine.state.containers.resolve(reference, "commit");
  const key = keyOf(record, "commit");
  const { images, snapshotter } = await engine.by(record.snapshotter);
  const work = async (): Promise<Image> => {
    const { layerOfContainer } = await trees();
    return await images.make({
      name: options.name,
      base: record.imageId,
      layer: layerOfContainer(snapshotter, key),
      config: imageConfig(record),
      changes: options.changes,
      author: options.author,
      comment: options.message,
      compression: options.compression,
      createdBy: [...record.config.entrypoint, ...record.config.cmd].join(" "),
    });
  };
  const running = (await taskState(engine, record)).status === "running";
  return running && options.pause !== false
    ? await whilePaused(engine, record.id, work)
    : await work();
}

/** What the container was made with, without what is its own. */
function imageConfig({ config }: ContainerRecord): Record<string, unknown> {
  const own = new Set([`HOSTNAME=${config.hostname}`, ...config.tty ? ["TERM=xterm"] : []]);
  return {
    Env: config.env.filter((entry) => !own.has(entry)),
    Cmd: config.cmd.length === 0 ? null : config.cmd,
    Entrypoint: config.entrypoint.length === 0 ? null : config.entrypoint,
    User: config.user,
    WorkingDir: config.workingDir,
    Labels: config.labels,
    ...config.stopSignal === "SIGTERM" ? {} : { StopSignal: config.stopSignal },
  };
}

function keyOf({ snapshotKey, name }: ContainerRecord, operation: string): string {
  if (snapshotKey !== "") return snapshotKey;
  throw new CtrError({
    code: "not_implemented",
    operation,
    subject: name,
    reason: "it was made with --rootfs and has no image",
  });
}
