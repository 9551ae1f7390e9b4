/**
 * The steps that hide paths of `/proc` and `/sys` or make them read-only, after `pivot_root`.
 *
 * @module
 */

import { AT, MOUNT_ATTR, MS } from "../linux/mod.ts";
import type { ProgramBuilder, Ref } from "../program/mod.ts";
import { mountAttributes } from "./mount_steps.ts";

/** The two ways to hide a path: which one fits depends on what the path is. */
export interface MaskSteps {
  readonly path: string;
  readonly file: Ref;
  readonly directory: Ref;
}

/**
 * Hide paths: `/dev/null` over files, an empty read-only tmpfs over directories. One of the two fails
 * by nature; the caller checks afterwards that the other worked or the path does not exist.
 */
export function maskSteps(p: ProgramBuilder, paths: readonly string[]): MaskSteps[] {
  return paths.map((path) => ({
    path,
    file: p.step("mount", ["/dev/null", path, 0, MS.MS_BIND, 0], { name: "mask", mayFail: true }),
    directory: p.step("mount", ["tmpfs", path, "tmpfs", MS.MS_RDONLY, "nr_inodes=2"], {
      name: "mask",
      mayFail: true,
    }),
  }));
}

/** A path made read-only: the bind on itself, then the attribute. */
export interface ReadonlySteps {
  readonly path: string;
  readonly bind: Ref;
  readonly protect: Ref;
}

/** Make paths read-only where they exist; the caller checks the results. */
export function readonlySteps(p: ProgramBuilder, paths: readonly string[]): ReadonlySteps[] {
  const attributes = mountAttributes(MOUNT_ATTR.MOUNT_ATTR_RDONLY);
  return paths.map((path) => ({
    path,
    bind: p.step("mount", [path, path, 0, MS.MS_BIND | MS.MS_REC, 0], {
      name: "protect",
      mayFail: true,
    }),
    protect: p.step("mount_setattr", [AT.AT_FDCWD, path, AT.AT_RECURSIVE, attributes, 32], {
      name: "protect",
      mayFail: true,
    }),
  }));
}
