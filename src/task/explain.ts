/**
 * `--explain`: what a run would do, without doing it.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { explain } from "../runtime/mod.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ContainerRecord } from "../state/mod.ts";
import { writeBundle } from "./bundle.ts";
import type { Engine } from "./engine.ts";
import { newId, newName } from "./names.ts";
import { dataDir } from "./place.ts";
import { containerConfig, hostConfig } from "./resolve.ts";
import type { ContainerOptions } from "./types.ts";

/** Keys of snapshots that are removed at once; `sweep` of the images takes stale ones. */
const EXPLAIN_PREFIX = "explain-";

/** The syscall program of the container that these options describe. Nothing of it is made. */
export async function explainRun(engine: Engine, options: ContainerOptions): Promise<string> {
  if (!["", "ctr"].includes(options.runtime ?? "")) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "explain",
      subject: options.runtime,
      reason: "only the system calls of the built-in runtime are known",
    });
  }
  const { images, snapshotter } = await engine.by(options.snapshotter);
  const image = options.rootfs !== undefined ? undefined : await images.ensure(options.image, {
    pull: options.pull ?? "missing",
    verify: options.verify,
    platform: options.platform,
    onProgress: options.onProgress,
  });
  const id = newId();
  const record: ContainerRecord = {
    id,
    name: options.name ?? newName(),
    image: options.image,
    imageId: image?.id ?? "",
    platform: image?.platform ?? "",
    snapshotter: image === undefined ? "" : snapshotter.name,
    snapshotKey: image === undefined ? "" : id,
    rootfs: options.rootfs ?? "",
    createdAt: Date.now(),
    config: containerConfig(options, image, id),
    hostConfig: hostConfig(options),
  };
  const scratch = mkdtempSync(join(tmpdir(), "ctr-explain-"));
  const place = dataDir(engine.directories, id);
  const key = `${EXPLAIN_PREFIX}${id}`;
  const volatile = record.hostConfig.autoRemove;
  try {
    // What would be mounted is known best by who makes it; it goes again at once.
    const mounts = image === undefined
      ? []
      : await snapshotter.prepare(key, image.chainId, { volatile });
    const spec = await writeBundle(scratch, record, mounts, options.terminalSize);
    const text = await explain({ id, bundle: scratch, spec, rootfs: mounts });
    return text.replaceAll(scratch, place);
  } finally {
    if (image !== undefined) await snapshotter.remove(key).catch(() => {});
    rmSync(scratch, { recursive: true });
  }
}
