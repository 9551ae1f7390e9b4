/**
 * Opens sources of bind mounts with the host's rights: those that are mounted with other ids, and those
 * that the root of a container's user namespace cannot reach.
 *
 * @see https://man7.org/linux/man-pages/man2/mount_setattr.2.html
 * @module
 */

import { realpathSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { CtrError } from "../errors.ts";
import { AT, CLONE, MOUNT_ATTR, MS, O } from "../linux/mod.ts";
import type { OciIdMapping, OciMount, OciSpec } from "../oci/mod.ts";
import { close, open, pipe, ProgramBuilder, run, spawn, waitFor } from "../program/mod.ts";
import { availableCapabilities } from "./facts.ts";
import { mapIds } from "./id_maps.ts";
import { OPEN_TREE_CLONE } from "./mount_steps.ts";
import { isIdMapped, type SourceTrees } from "./sources.ts";

interface Maps {
  readonly uidMappings?: readonly OciIdMapping[];
  readonly gidMappings?: readonly OciIdMapping[];
}

/** See `sourceTrees` in `sources.ts`. */
export function openSourceTrees(spec: OciSpec, bundle: string, userns: boolean): SourceTrees {
  const trees = new Map<OciMount, number>();
  const namespaces = new Map<string, number>();
  const mayOpen = userns && availableCapabilities().includes("CAP_SYS_ADMIN");
  // Else the container's process would have made it so.
  const shares = !userns && /^r?shared$/.test(spec.linux?.rootfsPropagation ?? "");
  try {
    for (const mount of spec.mounts ?? []) {
      const mapped = isIdMapped(mount);
      const bind = mount.type === "bind" || hasOption(mount, "bind") || hasOption(mount, "rbind");
      if (mapped && !bind) throw invalid(mount, "only bind mounts can have ids of their own");
      if (!bind) continue;
      const { source = "" } = mount;
      const path = source.startsWith("/") ? source : `${bundle}/${source}`;
      if (!mapped && !(mayOpen && isHidden(path))) continue;
      const tree = openTree(mount, path);
      trees.set(mount, tree);
      if (!shares) separate(mount, tree);
      if (mapped) mapTree(mount, tree, namespaceOf(mount, spec, namespaces));
    }
    return trees;
  } catch (error) {
    for (const fd of trees.values()) close(fd);
    throw error;
  } finally {
    for (const fd of namespaces.values()) close(fd);
  }
}

function hasOption({ options = [] }: OciMount, option: string): boolean {
  return options.includes(option);
}

function invalid({ destination }: OciMount, reason: string): CtrError {
  return new CtrError({
    code: "invalid_argument",
    operation: "mount",
    subject: destination,
    reason,
  });
}

/** Whether a directory on the way to a path is closed to somebody. */
function isHidden(path: string): boolean {
  let place = realpathSync(path);
  while (place !== "/") {
    place = dirname(place);
    if ((statSync(place).mode & 0o001) === 0) return true;
  }
  return false;
}

function openTree(mount: OciMount, path: string): number {
  const p = new ProgramBuilder("bind mount");
  const recursive = hasOption(mount, "rbind") ? AT.AT_RECURSIVE : 0;
  const flags = OPEN_TREE_CLONE | O.O_CLOEXEC | recursive;
  const tree = p.step("open_tree", [AT.AT_FDCWD, path, flags], { subject: path });
  return run(p)(tree);
}

/** Make that nothing that is mounted in it, by the container's root even, appears on the host. */
function separate(mount: OciMount, tree: number): void {
  changeTree("bind mount", mount, tree, { propagation: MS.MS_SLAVE, recursive: true });
}

function mapTree(mount: OciMount, tree: number, namespace: number): void {
  const change = { set: MOUNT_ATTR.MOUNT_ATTR_IDMAP, namespace };
  const recursive = hasOption(mount, "ridmap");
  changeTree("map ids of mount", mount, tree, { ...change, recursive });
}

function changeTree(
  operation: string,
  { destination }: OciMount,
  tree: number,
  { set = 0, propagation = 0, namespace = 0, recursive }: {
    readonly set?: number;
    readonly propagation?: number;
    readonly namespace?: number;
    readonly recursive: boolean;
  },
): void {
  const attributes = new Uint8Array(32); // struct mount_attr
  const words = new Uint32Array(attributes.buffer);
  words.set([set, 0, 0, 0, propagation, 0, namespace]);
  const flags = AT.AT_EMPTY_PATH | (recursive ? AT.AT_RECURSIVE : 0);
  const p = new ProgramBuilder(operation);
  p.step("mount_setattr", [tree, "", flags, attributes, 32], { subject: destination });
  run(p);
}

/** The user namespace that says what ids a mount shows; `known` keeps those that were made. */
function namespaceOf(mount: OciMount, { linux = {} }: OciSpec, known: Map<string, number>): number {
  const { uidMappings, gidMappings } = mount;
  const own = uidMappings !== undefined || gidMappings !== undefined;
  const container = linux.namespaces?.find(({ type }) => type === "user");
  if (!own && container === undefined) {
    throw invalid(mount, "there is no map of ids, and the container has no user namespace");
  }
  const joined = own ? undefined : container?.path || undefined;
  const maps: Maps = own ? mount : linux;
  const key = joined ?? JSON.stringify([maps.uidMappings, maps.gidMappings]);
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = joined === undefined ? makeUserNamespace(maps) : open(joined, O.O_RDONLY);
  known.set(key, made);
  return made;
}

/** A user namespace that lives as long as its descriptor. */
function makeUserNamespace(maps: Maps): number {
  const [go, release] = pipe();
  const p = new ProgramBuilder("make user namespace");
  // With the other end open there too, its end here would not end the wait.
  p.step("close", [release]);
  p.waitForGo(go);
  let child;
  try {
    child = spawn(p, { flags: CLONE.CLONE_NEWUSER });
    mapIds(child.pid, maps);
    return open(`/proc/${child.pid}/ns/user`, O.O_RDONLY);
  } finally {
    close(release);
    close(go);
    if (child !== undefined) {
      waitFor(child.pid, { block: true });
      close(child.pidfd);
      child.free();
    }
  }
}
