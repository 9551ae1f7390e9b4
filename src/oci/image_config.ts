/**
 * The image configuration: what a container of the image runs, and what its layers are.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/config.md
 * @module
 */

import { CtrError } from "../errors.ts";
import { isObject, isRecord, isStrings, malformed, quote } from "./descriptor.ts";
import { isDigest } from "./digest.ts";
import { parseJsonObject } from "./manifest.ts";
import { normalizePlatform, type Platform } from "./platform.ts";

/** How an image's containers run unless told otherwise. */
export interface ImageRunConfig {
  readonly User?: string;
  readonly Env?: readonly string[] | null;
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly StopSignal?: string;
  readonly ExposedPorts?: Readonly<Record<string, unknown>> | null;
  readonly Volumes?: Readonly<Record<string, unknown>> | null;
}

/** A step of the image's making. */
export interface ImageHistory {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

/** The parts that the engine reads; others are kept as they are. */
export interface ImageConfig {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  /** RFC 3339. */
  readonly created?: string;
  readonly author?: string;
  readonly config?: ImageRunConfig;
  readonly rootfs: { readonly type: string; readonly diff_ids: readonly string[] };
  readonly history?: readonly ImageHistory[];
}

/**
 * Read and check a configuration: every member that the engine uses has the type that it expects.
 *
 * @throws {CtrError} `data_loss` when it is malformed; `not_implemented` when it is that of something
 * else, such as a chart or an attestation.
 */
export function parseImageConfig(bytes: Uint8Array, digest: string): ImageConfig {
  const document = parseJsonObject(bytes, digest);
  const { rootfs, config, history } = document;
  if (!isObject(rootfs)) {
    throw new CtrError({
      code: "not_implemented",
      operation: "read image configuration",
      subject: digest,
      reason: "it is not that of a container image: it has no rootfs",
    });
  }
  const diffIds = rootfs.diff_ids ?? [];
  const wrong = Array.isArray(diffIds) ? diffIds.find((id) => !isDigest(id)) : diffIds;
  if (wrong !== undefined) throw malformed(digest, `${quote(wrong)} is not the digest of a layer`);
  for (const key of ["architecture", "os", "variant", "created", "author"]) {
    checkMember(document, key, digest);
  }
  if (config !== undefined && config !== null) checkRunConfig(config, digest);
  const steps = history ?? [];
  if (!Array.isArray(steps) || !steps.every(isObject)) {
    throw malformed(digest, `its history is ${quote(history)}`);
  }
  return {
    ...document,
    architecture: document.architecture ?? "",
    os: document.os ?? "linux",
    config: config ?? {},
    rootfs: { ...rootfs, type: "layers", diff_ids: diffIds },
    history: steps,
  } as unknown as ImageConfig;
}

/** The platform that a configuration says it is for. */
export function platformOf(config: ImageConfig): Platform {
  const { os, architecture, variant } = config;
  return normalizePlatform({ os: os || "linux", architecture, variant: variant ?? undefined });
}

function checkRunConfig(config: unknown, digest: string): void {
  if (!isObject(config)) throw malformed(digest, `its config is ${quote(config)}`);
  for (const key of ["User", "WorkingDir", "StopSignal"]) checkMember(config, key, digest);
  for (const key of ["Env", "Entrypoint", "Cmd"]) {
    const value = config[key] ?? [];
    if (!isStrings(value)) throw malformed(digest, `its ${key} is ${quote(value)}`);
    // The kernel ends strings there: what is shown would not be what runs.
    if (value.some((each) => each.includes("\0"))) throw malformed(digest, `its ${key} has a NUL`);
  }
  if (!isRecord(config.Labels ?? {})) throw malformed(digest, "its Labels are not strings");
  for (const key of ["ExposedPorts", "Volumes"]) {
    if (!isObject(config[key] ?? {})) throw malformed(digest, `its ${key} are not an object`);
  }
}

function checkMember(object: Readonly<Record<string, unknown>>, key: string, digest: string): void {
  const value = object[key];
  const ok = value === undefined || value === null || typeof value === "string";
  if (!ok || value?.includes("\0")) throw malformed(digest, `its ${key} is ${quote(value)}`);
}
