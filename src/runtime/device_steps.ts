/**
 * The steps that fill a container's `/dev`: nodes, and the links that every program expects.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciDevice } from "../oci/mod.ts";
import { AT, ERRNO, O, S } from "../linux/mod.ts";
import { O_ARCH, type ProgramBuilder, type Ref } from "../program/mod.ts";
import { DEFAULT_DEVICES } from "./default_devices.ts";
import { mountSteps } from "./mount_steps.ts";
import { type Check, protectionError } from "./protect_steps.ts";
import { DEVICE_LINKS, freshSteps, normalPath, targetSteps, type Tree } from "./target_steps.ts";

/** How devices come to be. */
export interface DeviceOptions {
  /** mknod is refused, as in a user namespace: the host's nodes are mounted. */
  readonly bind: boolean;
  /** The directory is a new file system, where nothing can be in the way. */
  readonly fresh: boolean;
  /** The host has `/proc/kcore`, and so has the container. */
  readonly kcore: boolean;
}

/**
 * Make the devices and links in `/dev`.
 *
 * @returns `/dev/null`, opened before anything else could take its place, and what is to be looked at
 */
export function deviceSteps(
  p: ProgramBuilder,
  tree: Tree,
  devices: readonly OciDevice[],
  options: DeviceOptions,
): { readonly nullDevice: Ref; readonly checks: Check[] } {
  const dev = freshSteps(p, tree, "/dev");
  if (!options.fresh) tree.fresh.delete("/dev");
  // The first that is at a path counts, as in runc.
  const all = new Map<string, OciDevice>();
  for (const device of [...devices, ...DEFAULT_DEVICES]) {
    const path = normalPath(device.path);
    if (!all.has(path)) all.set(path, device);
  }
  const checks: Check[] = [];
  for (const [path, device] of all) {
    if (options.bind && device.type !== "p") {
      mountSteps(p, tree, { destination: path, source: path, options: ["bind"] }, "file");
    } else checks.push(...nodeSteps(p, tree, dev, { ...device, path }, options));
  }
  // The one of the container's own devpts counts, as in runc.
  if (!options.fresh || all.has("/dev/ptmx")) {
    p.step("unlinkat", [dev, "ptmx", 0], { name: "link device", mayFail: true });
  }
  for (const [to, name] of DEVICE_LINKS) {
    if (name === "core" && !options.kcore) continue;
    p.step("symlinkat", [to, dev, name], { name: "link device", subject: name, mayFail: true });
  }
  const flags = O.O_PATH | O_ARCH.O_NOFOLLOW | O.O_CLOEXEC;
  const about = { name: "open device", subject: "/dev/null", mayFail: !options.fresh };
  return { nullDevice: p.step("openat", [dev, "null", flags, 0], about), checks };
}

const TYPES: Readonly<Record<string, number>> = {
  c: S.S_IFCHR,
  u: S.S_IFCHR,
  b: S.S_IFBLK,
  p: S.S_IFIFO,
};

function nodeSteps(
  p: ProgramBuilder,
  tree: Tree,
  dev: Ref,
  device: OciDevice,
  { fresh }: DeviceOptions,
): Check[] {
  const { path, uid = 0, gid = 0 } = device;
  const type = TYPES[device.type];
  const about = { name: "make device", subject: path };
  if (type === undefined || path === "/") {
    throw new CtrError({
      code: "invalid_argument",
      operation: about.name,
      subject: path,
      reason: path === "/"
        ? "that is the root"
        : `there is no type ${JSON.stringify(device.type)} of devices`,
    });
  }
  const mode = type | ((device.fileMode ?? 0o666) & 0o7777);
  const number = deviceNumber(device.major ?? 0, device.minor ?? 0);
  const slash = path.lastIndexOf("/");
  const parent = path.slice(0, slash);
  const at = parent === "/dev" ? dev : targetSteps(p, tree, parent, "directory");
  const name = path.slice(slash + 1);
  const mayExist = !fresh || parent !== "/dev";
  const made = p.step("mknodat", [at, name, mode, number], { ...about, mayFail: mayExist });
  if (uid !== 0 || gid !== 0) {
    p.step("fchownat", [at, name, uid, gid, AT.AT_SYMLINK_NOFOLLOW], {
      name: "own device",
      subject: path,
    });
  }
  if (!mayExist) return [];
  return [(result) => {
    const failed = result(made);
    if (failed !== 0 && failed !== -ERRNO.EEXIST) {
      throw protectionError(about.name, path, failed, "mknodat");
    }
  }];
}

/** `makedev(3)`. */
export function deviceNumber(major: number, minor: number): number {
  return (minor & 0xff) + ((major & 0xfff) << 8) + (minor >> 8) * 0x100000;
}
