/**
 * The rules for the `linux` part of a spec.
 *
 * @module
 */

import type { OciIdMapping, OciLinux, OciSpec } from "../oci/mod.ts";
import { NAMESPACE_FLAGS } from "./namespaces.ts";
import { refuse, type Rule } from "./validate_rule.ts";

/** All of them. */
export const validateLinux: readonly Rule[] = [
  namespaces,
  restrictions,
  userNamespace,
  timeNamespace,
  intelRdt,
  devices,
  seccomp,
  personality,
];

function has({ linux = {} }: OciSpec, type: string): boolean {
  return linux.namespaces?.some((namespace) => namespace.type === type) === true;
}

function namespaces({ linux = {} }: OciSpec): void {
  const seen = new Set<string>();
  for (const { type } of linux.namespaces ?? []) {
    const wrong = (reason: string) => refuse("linux.namespaces", reason);
    if (NAMESPACE_FLAGS[type] === undefined) {
      throw wrong(`namespace ${JSON.stringify(type)} does not exist`);
    }
    if (seen.has(type)) throw wrong(`malformed spec file: duplicated ns ${JSON.stringify(type)}`);
    seen.add(type);
  }
}

function restrictions(spec: OciSpec): void {
  const { maskedPaths = [], readonlyPaths = [] } = spec.linux ?? {};
  for (const [field, paths] of Object.entries({ maskedPaths, readonlyPaths })) {
    if (paths.length > 0 && !has(spec, "mount")) {
      const reason = "unable to restrict sys entries without a private MNT namespace";
      throw refuse(`linux.${field}`, reason);
    }
  }
}

function userNamespace(spec: OciSpec): void {
  const { linux = {} } = spec;
  for (const kind of ["uid", "gid"] as const) {
    const field = `${kind}Mappings` as const;
    const mappings = linux[field];
    if (!has(spec, "user")) {
      if (mappings === undefined || mappings.length === 0) continue;
      const reason =
        "user namespace mappings specified, but user namespace isn't enabled in the config";
      throw refuse(`linux.${field}`, reason);
    }
    if (joins(linux, "user")) continue; // it has its own
    checkMappings(`linux.${field}`, kind, mappings ?? []);
  }
}

function checkMappings(field: string, kind: string, mappings: readonly OciIdMapping[]): void {
  if (mappings.length === 0) {
    throw refuse(field, `user namespaces enabled, but no ${kind} mappings found`);
  }
  for (const { containerID, hostID, size } of mappings) {
    const good = [containerID, hostID, size].every((id) => Number.isInteger(id) && id >= 0);
    if (!good || size === 0) throw refuse(field, "ids and sizes are whole numbers, no size is 0");
  }
  // Whoever sets the container up is its root until it becomes its user.
  if (!mappings.some(({ containerID }) => containerID === 0)) {
    throw refuse(field, `user namespaces enabled, but no ${kind} mapping found for id 0`);
  }
}

function joins({ namespaces = [] }: OciLinux, wanted: string): boolean {
  return namespaces.some(({ type, path = "" }) => type === wanted && path !== "");
}

function timeNamespace(spec: OciSpec): void {
  const { timeOffsets } = spec.linux ?? {};
  if (timeOffsets === undefined || Object.keys(timeOffsets).length === 0) return;
  const wrong = (reason: string) => refuse("linux.timeOffsets", reason);
  if (!has(spec, "time")) {
    throw wrong(
      "time namespace offsets specified, but time namespace isn't enabled in the config",
    );
  }
  if (joins(spec.linux!, "time")) {
    throw wrong(
      "time namespace enabled, but both namespace path and time offsets specified -- " +
        "you may only provide one",
    );
  }
}

function intelRdt({ linux = {} }: OciSpec): void {
  const { closID, memBwSchema } = linux.intelRdt ?? {};
  // "/" is the class that everything is in at first.
  const bad = closID === "." || closID === ".." || /[/\0\n]/.test(closID ?? "");
  if (closID !== "/" && bad) {
    throw refuse("linux.intelRdt.closID", `invalid intelRdt.ClosID ${JSON.stringify(closID)}`);
  }
  if (memBwSchema && !/^MB:[^\n]*$/.test(memBwSchema)) {
    throw refuse("linux.intelRdt.memBwSchema", "it must start with MB: and be one line");
  }
}

function devices({ linux = {} }: OciSpec): void {
  linux.devices?.forEach(({ type, path }, index) => {
    const wrong = (reason: string) => refuse(`linux.devices[${index}]`, reason);
    if (!["b", "c", "u", "p"].includes(type)) {
      throw wrong(`invalid device type ${JSON.stringify(type)}`);
    }
    if (typeof path !== "string" || path === "") throw wrong("it has no path");
  });
  linux.resources?.devices?.forEach(({ type = "a", access }, index) => {
    const wrong = (reason: string) => refuse(`linux.resources.devices[${index}]`, reason);
    if (!access) throw wrong(`device access at ${index} field cannot be empty`);
    if (!["a", "b", "c"].includes(type || "a")) {
      throw wrong(`invalid cgroup device type ${JSON.stringify(type)}`);
    }
  });
}

function seccomp({ linux = {} }: OciSpec): void {
  const { listenerPath = "", listenerMetadata = "" } = linux.seccomp ?? {};
  if (listenerMetadata !== "" && listenerPath === "") {
    const reason = "listenerMetadata must not be set if listenerPath is not";
    throw refuse("linux.seccomp.listenerMetadata", reason);
  }
}

function personality({ linux = {} }: OciSpec, warn: (text: string) => void): void {
  const { flags = [] } = linux.personality ?? {};
  if (flags.length > 0) warn(`ignoring unsupported personality flags: ${flags.join(", ")}`);
}
