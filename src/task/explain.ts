/**
 * `--explain`: what a run would do, without doing it.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { explain } from "../runtime/mod.ts";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ContainerRecord } from "../state/mod.ts";
import type { Mount } from "../snapshot/mod.ts";
import { writeBundle } from "./bundle.ts";
import type { Engine } from "./engine.ts";
import { newId, newName } from "./names.ts";
import { dataDir } from "./place.ts";
import { containerConfig, hostConfig } from "./resolve.ts";
import type { ContainerOptions } from "./types.ts";

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
  const image = options.rootfs !== undefined
    ? undefined
    : await engine.images.ensure(options.image, {
      pull: options.pull ?? "missing",
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
    snapshotter: image === undefined ? "" : engine.snapshotter.name,
    snapshotKey: image === undefined ? "" : id,
    rootfs: options.rootfs ?? "",
    createdAt: Date.now(),
    config: containerConfig(options, image, id),
    hostConfig: hostConfig(options),
  };
  if ((options.snapshotter ?? engine.snapshotter.name) !== engine.snapshotter.name) {
    throw new CtrError({
      code: "not_implemented",
      operation: "explain",
      subject: options.snapshotter!,
      reason: "only what the usual snapshotter would mount can be explained",
    });
  }
  const scratch = mkdtempSync(join(tmpdir(), "ctr-explain-"));
  const place = dataDir(engine.directories, id);
  try {
    mkdirSync(join(scratch, "fs"));
    const lowers = image?.chainId === undefined
      ? []
      : await engine.snapshotter.layers(image.chainId);
    const mounts: Mount[] = record.rootfs !== "" ? [] : [{
      type: "overlay",
      source: "overlay",
      options: [
        ...lowers.map((path) => `lowerdir+=${path}`),
        `upperdir=${scratch}/fs`,
        `workdir=${scratch}/work`,
      ],
    }];
    const spec = await writeBundle(scratch, record, mounts, options.terminalSize);
    const text = await explain({ id, bundle: scratch, spec, rootfs: mounts });
    return text.replaceAll(scratch, place);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}
