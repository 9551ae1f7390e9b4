/**
 * The cgroups that an added process enters.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { exists, readText, readTextIfExists } from "../program/mod.ts";
import { type CgroupLayout, checkedCgroupPath, directoryIn } from "./cgroup.ts";
import type { ExecOptions } from "./types.ts";

/** A directory, and whose files are in it. */
export interface EnteredCgroup {
  readonly directory: string;
  readonly version: 1 | 2;
}

/** The container's cgroups: where its spec says, or where its first process is. */
export function cgroupsOf(
  layout: CgroupLayout,
  { pid, spec, cgroup, subCgroup }: Pick<ExecOptions, "pid" | "spec" | "cgroup" | "subCgroup">,
): readonly EnteredCgroup[] {
  const said = cgroup?.path ?? spec.linux?.cgroupsPath;
  // What is relative is so to whoever has made the container.
  if (!said || (typeof said === "string" && !said.startsWith("/"))) {
    return parseProcCgroup(readText(`/proc/${pid}/cgroup`), layout);
  }
  const [names, below] = subCgroup === undefined ? [[], ""] : parseSubCgroup(subCgroup);
  const all = layout.version === 2 ? [["", layout.root] as const] : [...layout.controllers];
  const unknown = names.find((name) => !new Map(all).has(name));
  if (unknown !== undefined) throw noCgroup(unknown);
  const found = new Set<string>();
  for (const [name, place] of all) {
    const sub = names.length === 0 || names.includes(name) ? below : "";
    const directory = directoryIn(place, said);
    if (directory === undefined) continue;
    if (exists(directory + sub)) found.add(directory + sub);
    else if (sub !== "") throw noCgroup(directory + sub);
  }
  const entered = [...found].map((directory) => ({ directory, version: layout.version }));
  if (layout.version === 2) return entered.map((cgroup) => withRoom(cgroup, { layout, pid }));
  if (layout.unified === undefined) return entered;
  const beside = directoryIn(layout.unified, said);
  if (beside === undefined || !exists(beside)) return entered;
  const sub = names.length === 0 && exists(beside + below) ? below : "";
  return [...entered, withRoom({ directory: beside + sub, version: 2 }, { layout, pid })];
}

/**
 * A container that has given its controllers to cgroups below its own, as one with systemd does, has
 * left no room for processes there: the new one goes where the container's first process is.
 */
function withRoom(
  cgroup: EnteredCgroup,
  { layout, pid }: { readonly layout: CgroupLayout; readonly pid: number },
): EnteredCgroup {
  const { directory } = cgroup;
  const given = readTextIfExists(`${directory}/cgroup.subtree_control`)?.trim() ?? "";
  if (given === "") return cgroup;
  return parseProcCgroup(readText(`/proc/${pid}/cgroup`), layout)
    .find(({ version, directory: at }) => version === 2 && at.startsWith(`${directory}/`)) ??
    cgroup;
}

/** `[CONTROLLER,...:]PATH`. */
function parseSubCgroup(text: string): [names: string[], below: string] {
  const [, names, path] = /^(?:([^:/]*):)?(.*)$/s.exec(text)!;
  return [names ? names.split(",") : [], /^\/*$/.test(path!) ? "" : checkedCgroupPath(path!)];
}

function noCgroup(subject: string): CtrError {
  const reason = "no such file or directory";
  return new CtrError({ code: "not_found", operation: "enter cgroup", subject, reason });
}

/** Directories for the text of `/proc/PID/cgroup`. */
export function parseProcCgroup(text: string, layout: CgroupLayout): EnteredCgroup[] {
  const found = new Map<string, EnteredCgroup>();
  for (const line of text.trim().split("\n")) {
    const [, controllers = "", path = "/"] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === "/") continue;
    const place = controllers === ""
      ? layout.version === 2 ? layout.root : layout.unified
      : layout.version === 2
      ? undefined
      : layout.controllers.get(controllers.split(",")[0]!);
    if (place === undefined) continue;
    // A hybrid host has both.
    found.set(place + path, { directory: place + path, version: controllers === "" ? 2 : 1 });
  }
  return [...found.values()];
}
