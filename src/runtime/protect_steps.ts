/**
 * The steps that hide paths of a container or make them read-only, and the look at their results.
 *
 * @module
 */

import { SyscallError } from "../errors.ts";
import { AT, ERRNO, errnoName, MS, O } from "../linux/mod.ts";
import type { ProgramBuilder, Ref } from "../program/mod.ts";
import {
  attributeStep,
  labelOption,
  MOVE_MOUNT_F_EMPTY_PATH,
  OPEN_TREE_CLONE,
} from "./mount_steps.ts";
import { openInRoot, type Tree } from "./target_steps.ts";

/** Reads the result of a step. */
export type Results = (ref: Ref) => number;

/** Looks at results that are errors only together with others; throws. */
export type Check = (result: Results) => void;

const READ_ONLY = { set: 1, clear: 0, propagation: 0, recursive: true } as const;

/** What is to be hidden: `kinds` says what a path is on this host, where that is known. */
export interface Masks {
  readonly paths: readonly string[];
  readonly kinds: ReadonlyMap<string, "directory" | "file">;
}

/** Copies of `/dev/null`, ready to be mounted over files. */
export interface NullMounts {
  readonly masks: Masks;
  readonly trees: ReadonlyMap<string, Ref>;
}

/**
 * Take a mount of `/dev/null` for each path that may be a file, before the container's root is the
 * process's own: what `/dev/null` names later is the image's choice (CVE-2025-31133).
 *
 * @param source a descriptor of the device; undefined: the host's
 */
export function nullMountSteps(
  p: ProgramBuilder,
  masks: Masks,
  source: Ref | undefined,
): NullMounts {
  const trees = new Map<string, Ref>();
  for (const path of masks.paths) {
    if (masks.kinds.get(path) === "directory") continue;
    const flags = OPEN_TREE_CLONE | O.O_CLOEXEC;
    const args = source === undefined
      ? [AT.AT_FDCWD, "/dev/null", flags]
      : [source, "", flags | AT.AT_EMPTY_PATH];
    trees.set(path, p.step("open_tree", args, { name: "open /dev/null", subject: path }));
  }
  return { masks, trees };
}

/**
 * Hide paths: `/dev/null` over files, an empty read-only tmpfs over directories. Where it is not known
 * what a path is, both are tried, and one fails by nature.
 */
export function maskSteps(
  p: ProgramBuilder,
  { masks, trees }: NullMounts,
  label: string,
): Check[] {
  const data = ["nr_inodes=2", ...label === "" ? [] : [labelOption(label)]].join(",");
  return masks.paths.map((path) => {
    const options = { name: "mask", subject: path, mayFail: true };
    const tried: Ref[] = [];
    const tree = trees.get(path);
    if (tree !== undefined) {
      const MOVE_MOUNT_T_SYMLINKS = 0x10;
      const flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS;
      tried.push(p.step("move_mount", [tree, "", AT.AT_FDCWD, path, flags], options));
    }
    if (masks.kinds.get(path) !== "file") {
      tried.push(p.step("mount", ["tmpfs", path, "tmpfs", MS.MS_RDONLY, data], options));
    }
    return (result) => {
      const results = tried.map(result);
      if (results.includes(0)) return;
      // With both tried, "not a directory" can only be about a part of the path.
      const none = results.length === 1 ? results[0] === -ERRNO.ENOENT : results.every(absent);
      if (!none) throw protectionError("mask", path, Math.min(...results));
    };
  });
}

/** Make paths read-only where they exist, and what is mounted below them. */
export function readonlySteps(p: ProgramBuilder, paths: readonly string[]): Check[] {
  const bytes = new Uint8Array(32);
  bytes[0] = 1; // MOUNT_ATTR_RDONLY
  return paths.map((path) => {
    const options = { name: "protect", subject: path, mayFail: true };
    const bind = p.step("mount", [path, path, 0, MS.MS_BIND | MS.MS_REC, 0], options);
    const args = [AT.AT_FDCWD, path, AT.AT_RECURSIVE, bytes, 32];
    const protect = p.step("mount_setattr", args, options);
    return (result) => {
      if (absent(result(bind))) return;
      const failed = Math.min(result(bind), result(protect));
      if (failed < 0) throw protectionError("protect", path, failed);
    };
  });
}

/** Make the mount at a path of the root read-only, without what is mounted below it. */
export function protectMountSteps(p: ProgramBuilder, tree: Tree, path: string): void {
  attributeStep(p, openInRoot(p, tree, path), { ...READ_ONLY, recursive: false }, path);
}

function absent(value: number): boolean {
  return value === -ERRNO.ENOENT || value === -ERRNO.ENOTDIR;
}

/** A failure of steps of which some may fail. */
export function protectionError(
  operation: string,
  subject: string,
  result: number,
  syscall = "mount",
): SyscallError {
  return new SyscallError({
    operation,
    subject,
    syscall,
    args: [JSON.stringify(subject)],
    errno: -result,
    errnoName: errnoName(-result),
  });
}
