/**
 * The device allow-list as properties of a unit. The rules themselves are written to the cgroup too;
 * systemd has to know them because it sets up its own filter beside (version 2), or would write its
 * own idea of them (version 1).
 *
 * @module
 */

import type { OciDeviceRule } from "../../oci/mod.ts";
import type { Property } from "./properties.ts";

/** What may be done with some devices; -1 is any number. */
interface Allowed {
  readonly type: string;
  readonly major: number;
  readonly minor: number;
  readonly access: string;
}

/**
 * Apply the rules in their order, as the kernel does, and say what remains in systemd's words. It has
 * none for "all but these", nor for a hole in a range: there the cgroup's own filter is the only one.
 *
 * @param rules undefined leaves systemd's view as it is
 */
export function deviceProperties(rules: readonly OciDeviceRule[] | undefined): Property[] {
  if (rules === undefined || rules.length === 0) return [];
  let everything = false;
  let list: Allowed[] = [];
  for (const { allow, type = "a", major = -1, minor = -1, access = "rwm" } of rules) {
    if (type === "a") {
      everything = allow;
      list = [];
    } else if (!everything) {
      const rule = { type, major, minor, access };
      list = allow ? [...list, rule] : list.map((entry) => without(entry, rule));
    }
  }
  const entries = new Map<string, string>();
  for (const { type, major, minor, access } of list) {
    const name = pattern(type, major, minor);
    if (access !== "") entries.set(name, [...new Set((entries.get(name) ?? "") + access)].join(""));
  }
  return [
    ["DevicePolicy", { signature: "s", value: everything ? "auto" : "strict" }],
    ["DeviceAllow", { signature: "a(ss)", value: everything ? [] : [...entries] }],
  ];
}

/** An entry after devices were denied that are all of it, or more. */
function without(entry: Allowed, denied: Allowed): Allowed {
  const covers = denied.type === entry.type &&
    (denied.major < 0 || denied.major === entry.major) &&
    (denied.minor < 0 || denied.minor === entry.minor);
  if (!covers) return entry;
  const access = [...entry.access].filter((letter) => !denied.access.includes(letter)).join("");
  return { ...entry, access };
}

/** As systemd names devices: a range by its major number, one by a path that need not exist. */
function pattern(type: string, major: number, minor: number): string {
  const kind = type === "b" ? "block" : "char";
  if (major < 0) return `${kind}-*`;
  return minor < 0 ? `${kind}-${major}` : `/dev/${kind}/${major}:${minor}`;
}
