/**
 * Where a `cgroupsPath` is that does not begin with a slash: below this process's own cgroups, as in
 * runc. So a container in a container is counted with it.
 *
 * @module
 */

import { readText } from "../program/mod.ts";
import { type CgroupLayout, cgroupLayout, type CgroupPath, hierarchies } from "./cgroup.ts";

/** The texts that it is read from. */
interface OwnPlace {
  /** `/proc/self/cgroup` */
  readonly cgroup: string;
  /** `/proc/self/mountinfo` */
  readonly mountinfo: string;
}

/**
 * Resolve it. With version 1 the result is below this process's own cgroup, which may be another in each
 * hierarchy. Version 2 has no room below a cgroup with processes: there it is beside it.
 */
export function relativeCgroupPath(
  path: string,
  layout: CgroupLayout = cgroupLayout(),
  own: OwnPlace = {
    cgroup: readText("/proc/self/cgroup"),
    mountinfo: readText("/proc/self/mountinfo"),
  },
): CgroupPath {
  const found: Record<string, string> = {};
  for (const place of hierarchies(layout)) {
    const mine = ownPath(layout, place, own.cgroup);
    const below = mine === "" ? "" : visible(mine, rootOf(place, own.mountinfo));
    const parent = layout.version === 2 ? below.slice(0, below.lastIndexOf("/")) : below;
    found[place] = normal(`${parent}/${normal(path)}`);
  }
  const paths = new Set(Object.values(found));
  return paths.size === 1 ? [...paths][0]! : found;
}

/** This process's cgroup in a hierarchy, without a slash at the end. */
function ownPath(layout: CgroupLayout, place: string, text: string): string {
  for (const line of text.trim().split("\n")) {
    const [, names = "", path = "/"] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const at = names !== ""
      ? layout.version === 1 ? layout.controllers.get(names.split(",")[0]!) : undefined
      : layout.version === 1
      ? layout.unified
      : layout.root;
    if (at === place) return path === "/" ? "" : path;
  }
  return "";
}

/** What of a hierarchy is mounted at a place: without a cgroup namespace, a container has a part. */
function rootOf(place: string, mountinfo: string): string {
  for (const line of mountinfo.split("\n")) {
    const words = line.split(" ");
    if (words[4] === place && line.includes(" - cgroup")) return words[3]!;
  }
  return "/";
}

/** A cgroup as it is called below what is mounted; one that is not there counts as the root. */
function visible(path: string, root: string): string {
  if (path.startsWith("/..")) return ""; // outside of our cgroup namespace
  if (root === "/") return path;
  return path === root || !path.startsWith(`${root}/`) ? "" : path.slice(root.length);
}

/** Without `.` and `..`, which lead no higher than the root. */
function normal(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
