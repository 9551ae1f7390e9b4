/**
 * Removes a container.
 *
 * @module
 */

import { isNotFound } from "../errors.ts";
import { exists } from "../program/mod.ts";
import { cgroupPathOf, type CgroupPlace, freezeAt, unitPlace } from "../runtime/mod.ts";
import { effectiveSpec } from "./bundle.ts";
import { directoryOf, lockDirectory, readManager, readRecord, readSpec } from "./directory.ts";
import { endContainer } from "./ending.ts";
import { noContainer, wrongStatus } from "./errors.ts";
import { killNow } from "./kill.ts";
import { statusOf } from "./status.ts";
import type { OciSpec } from "../oci/mod.ts";
import type { Container, ContainerRecord, ContainerRef } from "./types.ts";

/**
 * Delete it: its cgroups and its directory go, its hooks are run.
 *
 * @param options.force kill it first if it runs; one that is not there is no error
 * @throws {CtrError} `not_found`, `failed_precondition` for one that runs
 */
export async function deleteContainer(
  ref: ContainerRef,
  { force = false, warn }: { readonly force?: boolean; readonly warn: (message: string) => void },
): Promise<void> {
  const directory = directoryOf(ref);
  if (!exists(directory)) {
    if (force) return;
    throw noContainer("delete", ref.id);
  }
  using _lock = await lockDirectory(directory, "delete");
  const record = readRecord(directory);
  const spec = specOf(directory);
  if (record === undefined) return await deleteLeftover(ref, { directory, spec, force, warn });
  const container = { record, directory };
  const status = statusOf(container);
  if (status !== "stopped" && status !== "created" && !force) {
    const reason = `cannot delete container ${ref.id} that is not stopped: ${status}`;
    throw wrongStatus("delete", ref.id, reason);
  }
  await endProcess(container, status === "paused");
  await endContainer(container, { spec, warn });
}

async function endProcess(container: Container, paused: boolean): Promise<void> {
  if (paused) await freezeAt(container.record.cgroupsPath, false);
  killNow(container);
}

/** What a `create` that was killed has left. */
async function deleteLeftover(
  { id }: ContainerRef,
  { directory, spec, force, warn }: {
    readonly directory: string;
    readonly spec: OciSpec;
    readonly force: boolean;
    readonly warn: (message: string) => void;
  },
): Promise<void> {
  if (!force) throw noContainer("delete", id);
  const unit = await leftUnit(directory, { id, spec, warn });
  const record: ContainerRecord = {
    id,
    bundle: "/",
    rootfs: "/",
    ociVersion: spec.ociVersion,
    pid: 0,
    startTime: "",
    created: "",
    uid: 0,
    cgroupsPath: unit?.path ?? await cgroupPathOf({ id, spec: effectiveSpec(spec, id) }),
    ...unit === undefined ? {} : { unit },
  };
  await endContainer({ record, directory }, { spec, warn });
}

/** The unit that a `create` may have made. */
async function leftUnit(
  directory: string,
  { id, spec, warn }: {
    readonly id: string;
    readonly spec: OciSpec;
    readonly warn: (message: string) => void;
  },
): Promise<CgroupPlace | undefined> {
  const manager = readManager(directory);
  if (manager === undefined) return undefined;
  try {
    return await unitPlace({ id, spec, manager });
  } catch (error) {
    warn((error as Error).message); // nor can it be asked to end it
    return undefined;
  }
}

function specOf(directory: string): OciSpec {
  try {
    return readSpec(directory);
  } catch (error) {
    if (!isNotFound(error) && !(error instanceof SyntaxError)) throw error;
    return { ociVersion: "1.0.0" };
  }
}
