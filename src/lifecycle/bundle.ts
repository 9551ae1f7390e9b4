/**
 * A bundle, and what runc's callers expect to be done to its spec.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/main/bundle.md
 * @module
 */

import { CtrError, isNotFound } from "../errors.ts";
import { type OciDeviceRule, type OciSpec, parseSpec } from "../oci/mod.ts";
import { readText } from "../program/mod.ts";
import type { BundleConfig } from "./types.ts";

/** Read it. @throws {CtrError} `not_found` without a `config.json`, `invalid_argument` if it is none */
export function readBundle(bundle: string): BundleConfig {
  const path = `${bundle}/config.json`;
  let text: string;
  try {
    text = readText(path);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new CtrError({
      code: "not_found",
      operation: "read bundle",
      subject: bundle,
      reason: "JSON specification file config.json not found",
    });
  }
  return { text, spec: specOf(path, text) };
}

function specOf(path: string, text: string): OciSpec {
  const invalid = (reason: string) =>
    new CtrError({ code: "invalid_argument", operation: "use", subject: path, reason });
  let spec: OciSpec;
  try {
    spec = parseSpec(text);
  } catch (error) {
    throw invalid((error as Error).message);
  }
  if (!/^1\.\d+\.\d+([-+].*)?$/.test(spec.ociVersion ?? "")) {
    throw invalid(`ociVersion is ${JSON.stringify(spec.ociVersion)}, not a version 1.x.y`);
  }
  if (typeof spec.root?.path !== "string") throw invalid("root.path is missing");
  return spec;
}

/** Where the root file system is. */
export function rootfsOf(bundle: string, spec: OciSpec): string {
  const path = spec.root!.path;
  return path.startsWith("/") ? path : `${bundle}/${path.replace(/^\.\//, "")}`;
}

const DEVICES: readonly (readonly [major: number, minor: number])[] = [
  [1, 3], // null
  [1, 5], // zero
  [1, 7], // full
  [1, 8], // random
  [1, 9], // urandom
  [5, 0], // tty
  [5, 1], // console
  [5, 2], // ptmx
];
const PTY_SLAVES = 136;

/**
 * The device rules that apply: nothing but what the spec allows, and what every container has. Nodes of
 * others may be made, but not opened.
 */
export function deviceRules(rules: readonly OciDeviceRule[] = []): OciDeviceRule[] {
  return [
    { allow: false, access: "rwm" },
    ...rules,
    { allow: true, type: "c", access: "m" },
    { allow: true, type: "b", access: "m" },
    ...DEVICES.map(([major, minor]): OciDeviceRule => ({
      allow: true,
      type: "c",
      major,
      minor,
      access: "rwm",
    })),
    { allow: true, type: "c", major: PTY_SLAVES, access: "rwm" },
  ];
}

/** The spec that is run: hooks are the life cycle's, the rest the runtime's. */
export function effectiveSpec({ hooks: _, ...spec }: OciSpec, id: string): OciSpec {
  const { linux = {} } = spec;
  return {
    ...spec,
    linux: {
      ...linux,
      cgroupsPath: linux.cgroupsPath || `/${id}`,
      resources: { ...linux.resources, devices: deviceRules(linux.resources?.devices) },
    },
  };
}
