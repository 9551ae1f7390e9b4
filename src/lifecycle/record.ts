/**
 * What is written down of a container, and what hooks are told of it.
 *
 * @module
 */

import type { OciSpec } from "../oci/mod.ts";
import { rootfsOf } from "./bundle.ts";
import type { ContainerRecord, ContainerStatus, CreateOptions, HookState } from "./types.ts";

/** The record of a container that has no process yet. */
export function newRecord(
  { id, bundle }: Pick<CreateOptions, "id" | "bundle">,
  { spec, cgroupsPath }: {
    readonly spec: OciSpec;
    readonly cgroupsPath: ContainerRecord["cgroupsPath"];
  },
): ContainerRecord {
  return {
    id,
    bundle,
    rootfs: rootfsOf(bundle, spec),
    ociVersion: spec.ociVersion,
    ...spec.annotations === undefined ? {} : { annotations: spec.annotations },
    pid: 0,
    startTime: "",
    created: new Date().toISOString(),
    uid: globalThis.process.getuid!(),
    cgroupsPath,
  };
}

/** What a hook is told. */
export function hookState(
  { ociVersion, id, pid, bundle, annotations }: ContainerRecord,
  status: ContainerStatus,
): HookState {
  return {
    ociVersion,
    id,
    pid: status === "stopped" ? 0 : pid,
    status,
    bundle,
    ...annotations === undefined ? {} : { annotations },
  };
}
