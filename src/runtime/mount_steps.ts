/**
 * The steps that mount file systems in a container's root.
 *
 * Targets are mounted on through descriptors, never by path (CVE-2021-30465).
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciMount } from "../oci/mod.ts";
import { AT, MS, O } from "../linux/mod.ts";
import { O_ARCH, type ProgramBuilder, type Ref } from "../program/mod.ts";
import {
  type AttributeChange,
  attributesOf,
  overlayData,
  type ParsedOptions,
  parseMountOptions,
} from "./mount_options.ts";
import { forget, newTree, normalPath, openInRoot, targetSteps, type Tree } from "./target_steps.ts";
import type { RootfsMount } from "./types.ts";

/** mount(2) takes one page of data. */
const DATA_PAGE = 4096;
export const OPEN_TREE_CLONE = 1;
export const MOVE_MOUNT_F_EMPTY_PATH = 4;
export const MOVE_MOUNT_T_EMPTY_PATH = 0x40;

/** Mount the root file system on `place` and open it. */
export function rootfsSteps(
  p: ProgramBuilder,
  place: string,
  mounts: readonly RootfsMount[],
): Tree {
  const name = "mount rootfs";
  if (mounts.length === 0) {
    p.step("mount", [place, place, 0, MS.MS_BIND | MS.MS_REC, 0], { name, subject: place });
  }
  const directory = O.O_PATH | O_ARCH.O_DIRECTORY | O.O_CLOEXEC;
  const open = () =>
    p.step("openat", [AT.AT_FDCWD, place, directory, 0], { name: "open rootfs", subject: place });
  let tree: Tree | undefined;
  for (const mount of mounts) {
    const inside = mount.target !== undefined && mount.target !== "/";
    const target = inside
      ? targetSteps(p, tree ??= newTree(open()), mount.target, "directory")
      : open();
    const options = parseMountOptions(
      mount.type === "bind" ? ["bind", ...mount.options] : mount.options,
    );
    const subject = mount.target ?? "/";
    if (mount.lowers === undefined) {
      fileSystemSteps(p, { ...mount, destination: subject }, options, target);
    } else {
      // Below the overlay that comes on top of it: before Linux 6.15 overlayfs wants layers in a mount
      // namespace. They go with the old root.
      for (const lower of mount.lowers) {
        const { flags, data } = parseMountOptions(lower.options);
        contextSteps(p, { ...lower, flags, data, subject: lower.source }, target);
      }
      const data = [...options.data, `lowerdir+=${place}`];
      contextSteps(p, { ...mount, ...options, data, subject }, target);
    }
    if (!inside) tree = undefined;
  }
  return tree ?? newTree(open());
}

/**
 * A mount of the spec.
 *
 * @param sourceKind what a bind mount's source is: the target is made alike
 * @param source a descriptor of it, where it has been opened
 */
export function mountSteps(
  p: ProgramBuilder,
  tree: Tree,
  mount: OciMount,
  sourceKind: "directory" | "file",
  source?: number,
): void {
  const { destination, type } = mount;
  const place = normalPath(destination);
  if (place === "/") {
    throw new CtrError({
      code: "invalid_argument",
      operation: "mount",
      subject: destination,
      reason: "the root is what root.path says",
    });
  }
  const options = parseMountOptions(
    type === "bind" ? ["bind", ...mount.options ?? []] : mount.options,
  );
  const kernel = type === "sysfs" || type === "proc";
  // What is below a file system of its own has to be made before that may be read-only, and /dev filled.
  const late = (type === "tmpfs" || place === "/dev") && (options.flags & MS.MS_BIND) === 0 &&
    (options.flags & MS.MS_RDONLY) !== 0;
  const inherits = type === "tmpfs" && !options.data.some((option) => option.startsWith("mode="));
  const target = targetSteps(p, tree, place, sourceKind, {
    // As in runc: a link could lead to where nothing protects it.
    ordinary: kernel,
    // What a tmpfs has where there was nothing.
    ...inherits ? { mode: 0o1777 } : {},
  });
  const flags = late ? options.flags & ~MS.MS_RDONLY : options.flags;
  const data = tree.label === "" || UNLABELLED.has(type) || flags & MS.MS_BIND
    ? options.data
    : [...options.data, labelOption(tree.label)];
  const changes = fileSystemSteps(p, mount, { ...options, flags, data }, target, source);
  const about = inherits ? statusSteps(p, target, destination) : undefined;
  forget(tree, place);
  if (kernel) tree.kernel.push(`${place}/`);
  if (late) tree.readonlyLater.push(place);
  const copies = type === "tmpfs" && mount.options?.includes("tmpcopyup") === true;
  if (changes.length === 0 && about === undefined && !copies) return;
  const mounted = openInRoot(p, tree, place);
  if (copies) tree.copyUp?.({ from: target, to: mounted, destination });
  if (about !== undefined) modeSteps(p, mounted, about, destination);
  for (const change of changes) attributeStep(p, mounted, change, destination);
}

/** Kernels with SELinux label these themselves. */
const UNLABELLED: ReadonlySet<string | undefined> = new Set(["proc", "sysfs", "mqueue", "cgroup2"]);

/** What gives all files of a new file system this label. */
export function labelOption(label: string): string {
  return `context=${JSON.stringify(label)}`;
}

const STATX_MODE = 2;
const MODE_OFFSET = 28;

/** Ask for the mode of what is mounted over. */
function statusSteps(p: ProgramBuilder, target: Ref, subject: string): Uint8Array {
  const status = new Uint8Array(256);
  p.step("statx", [target, "", AT.AT_EMPTY_PATH, STATX_MODE, status], {
    name: "inspect target",
    subject,
  });
  return status;
}

/** A tmpfs is open to the same people as the directory that it hides. */
function modeSteps(p: ProgramBuilder, mounted: Ref, status: Uint8Array, subject: string): void {
  const about = { name: "set mode", subject };
  p.step("fchdir", [mounted], about);
  p.step("fchmodat", [AT.AT_FDCWD, ".", { from: status, at: MODE_OFFSET }], about);
}

/** Change the attributes of the mount that a descriptor is on. */
export function attributeStep(
  p: ProgramBuilder,
  mount: Ref | number,
  change: AttributeChange,
  subject: string,
): void {
  const bytes = new Uint8Array(32);
  const words = new Uint32Array(bytes.buffer);
  words[0] = change.set;
  words[2] = change.clear;
  words[4] = change.propagation;
  const flags = AT.AT_EMPTY_PATH | (change.recursive ? AT.AT_RECURSIVE : 0);
  p.step("mount_setattr", [mount, "", flags, bytes, 32], {
    name: "set mount attributes",
    subject,
    ...change.mayFail ? { mayFail: true } : {},
  });
}

/**
 * Mount on a descriptor. A bind mount gets its attributes before it has a place, so that nobody ever
 * sees it without.
 *
 * @returns changes of attributes that are still to be made
 */
function fileSystemSteps(
  p: ProgramBuilder,
  mount: OciMount,
  { flags, changes, data }: ParsedOptions,
  target: Ref,
  opened?: number,
): readonly AttributeChange[] {
  const { destination: subject, source = "" } = mount;
  if (opened !== undefined) {
    // It was opened with the host's rights: what its own mount forbids is to stay forbidden.
    for (const change of changes) if (!change.mayFail) attributeStep(p, opened, change, subject);
    moveMount(p, opened, target, "bind mount", subject);
    return [];
  }
  if (flags & MS.MS_BIND) {
    const recursive = flags & MS.MS_REC ? AT.AT_RECURSIVE : 0;
    const tree = p.step("open_tree", [
      AT.AT_FDCWD,
      source,
      OPEN_TREE_CLONE | O.O_CLOEXEC | recursive,
    ], {
      name: "bind mount",
      subject: source,
    });
    for (const change of changes) attributeStep(p, tree, change, subject);
    moveMount(p, tree, target, "bind mount", subject);
    return [];
  }
  const type = mount.type ?? "none";
  const name = `mount ${type}`;
  const page = type === "overlay" ? overlayData(data) : data.join(",");
  // A comma in the name of an EROFS image's device would end the option.
  if (type !== "erofs" && new TextEncoder().encode(page).length < DATA_PAGE) {
    // A descriptor cannot be a target, but the working directory can.
    p.step("fchdir", [target], { name, subject });
    p.step("mount", [source === "" ? type : source, ".", type, flags, page], { name, subject });
    return changes;
  }
  contextSteps(p, { type, source, flags, data, subject }, target);
  return changes;
}

/** What {@link contextSteps} mounts. */
interface ContextMount {
  readonly type: string;
  readonly source: string;
  readonly flags: number;
  readonly data: readonly string[];
  readonly subject: string;
}

/** Mount by fsopen: options that do not fit on a page, or are longer than its parser takes. */
function contextSteps(p: ProgramBuilder, mount: ContextMount, target: Ref): void {
  const FSCONFIG_SET_FLAG = 0;
  const FSCONFIG_SET_STRING = 1;
  const FSCONFIG_CMD_CREATE = 6;
  const { type, flags, subject } = mount;
  const about = { name: `mount ${type}`, subject };
  const context = p.step("fsopen", [type, 1], about);
  if (mount.source !== "") {
    p.step("fsconfig", [context, FSCONFIG_SET_STRING, "source", mount.source, 0], about);
  }
  for (const option of mount.data) {
    const at = option.indexOf("=");
    if (at < 0) p.step("fsconfig", [context, FSCONFIG_SET_FLAG, option, 0, 0], about);
    else {
      const [key, value] = [option.slice(0, at), option.slice(at + 1)];
      p.step("fsconfig", [context, FSCONFIG_SET_STRING, key, value, 0], about);
    }
  }
  p.step("fsconfig", [context, FSCONFIG_CMD_CREATE, 0, 0, 0], about);
  const made = p.step("fsmount", [context, 1, attributesOf(flags)], about);
  moveMount(p, made, target, `mount ${type}`, subject);
}

/** Give a detached mount its place. */
export function moveMount(
  p: ProgramBuilder,
  tree: Ref | number,
  target: Ref,
  name: string,
  subject: string,
): void {
  const flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  p.step("move_mount", [tree, "", target, "", flags], { name, subject });
}
