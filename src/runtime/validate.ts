/**
 * Refuses specs that make no sense, before anything is done. Pure: what depends on the host is
 * `validate_host.ts`. The rules, and mostly the words, are runc's: its callers know them.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/main/config.md
 * @module
 */

import type { OciMount, OciSpec } from "../oci/mod.ts";
import { refuse, type Rule } from "./validate_rule.ts";
import { validateLinux } from "./validate_linux.ts";
import { validateProcess } from "./validate_process.ts";

/**
 * Look at a spec.
 *
 * @returns what is ignored and should better not be there, one line each
 * @throws {CtrError} `invalid_argument` for the first thing that makes no sense
 */
export function validateSpec(spec: OciSpec): readonly string[] {
  const warnings: string[] = [];
  const warn = (text: string) => {
    warnings.push(text);
  };
  for (const rule of RULES) rule(spec, warn);
  return warnings;
}

const RULES: readonly Rule[] = [version, root, validateProcess, names, mounts, ...validateLinux];

function version({ ociVersion }: OciSpec): void {
  if (typeof ociVersion !== "string" || !/^1\.\d+\.\d+([-+][\w.+-]*)?$/.test(ociVersion)) {
    throw refuse("ociVersion", `${JSON.stringify(ociVersion)} is no version 1.x.y`);
  }
}

function root({ root }: OciSpec): void {
  if (root === undefined) throw refuse("root", "root must be specified");
  if (typeof root.path !== "string" || root.path === "") {
    throw refuse("root.path", "it must not be empty");
  }
  if (root.path.includes("\0")) throw refuse("root.path", "it contains a null byte");
}

function names({ hostname, domainname, linux = {} }: OciSpec): void {
  if (linux.namespaces?.some(({ type }) => type === "uts")) return;
  for (const [name, value] of Object.entries({ hostname, domainname })) {
    if (value !== undefined && value !== "") {
      throw refuse(name, `unable to set ${name} without a private UTS namespace`);
    }
  }
}

function mounts({ mounts = [] }: OciSpec, warn: (text: string) => void): void {
  for (const mount of mounts) {
    const { destination, source = "", type = "", uidMappings, gidMappings } = mount;
    const wrong = (reason: string) => refuse(`mounts[${mounts.indexOf(mount)}]`, reason);
    if (typeof destination !== "string" || destination === "") {
      throw wrong("mount destination must not be empty");
    }
    if (`${destination}${source}${type}`.includes("\0")) {
      throw wrong("mount field contains null byte");
    }
    if (!destination.startsWith("/")) {
      warn(`mount destination ${JSON.stringify(destination)} is not absolute: taken from "/"`);
    }
    const mapped = uidMappings !== undefined || gidMappings !== undefined;
    if (mapped && !isBind(mount)) {
      throw wrong("id-mapped mounts are only supported for bind-mounts");
    }
    if (mapped && !(uidMappings?.length && gidMappings?.length)) {
      throw wrong("id-mapped mounts must have both uid and gid mappings specified");
    }
  }
}

function isBind({ type, options = [] }: OciMount): boolean {
  return type === "bind" || options.some((option) => option === "bind" || option === "rbind");
}
