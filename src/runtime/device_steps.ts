/**
 * The steps that fill a container's `/dev`: nodes, and the links that every program expects.
 *
 * @module
 */

import type { OciDevice } from "../oci/mod.ts";
import { AT, O, S } from "../linux/mod.ts";
import { O_ARCH, type ProgramBuilder, type Ref } from "../program/mod.ts";
import { DEFAULT_DEVICES } from "./default_devices.ts";
import { mountSteps } from "./mount_steps.ts";
import { DEVICE_LINKS, freshSteps, targetSteps, type Tree } from "./target_steps.ts";

/**
 * Make the devices and links in `/dev`.
 *
 * @param options `bind`: in a user namespace, where mknod is refused, the host's nodes are mounted;
 * `fresh`: the directory is a new file system, where nothing can be in the way
 * @returns `/dev/null`, opened before anything else could take its place
 */
export function deviceSteps(
  p: ProgramBuilder,
  tree: Tree,
  devices: readonly OciDevice[],
  options: { readonly bind: boolean; readonly fresh: boolean },
): Ref {
  const dev = freshSteps(p, tree, "/dev");
  if (!options.fresh) tree.fresh.delete("/dev");
  const listed = new Set(devices.map(({ path }) => path));
  const all = [...DEFAULT_DEVICES.filter(({ path }) => !listed.has(path)), ...devices];
  for (const device of all) {
    if (options.bind) {
      const { path } = device;
      mountSteps(p, tree, { destination: path, source: path, options: ["bind"] }, "file");
    } else nodeSteps(p, tree, dev, device, !options.fresh);
  }
  for (const [to, name] of DEVICE_LINKS) {
    p.step("symlinkat", [to, dev, name], { name: "link device", subject: name, mayFail: true });
  }
  const flags = O.O_PATH | O_ARCH.O_NOFOLLOW | O.O_CLOEXEC;
  const about = { name: "open device", subject: "/dev/null" };
  return p.step("openat", [dev, "null", flags, 0], { ...about, mayFail: !options.fresh });
}

function nodeSteps(
  p: ProgramBuilder,
  tree: Tree,
  dev: Ref,
  device: OciDevice,
  mayExist: boolean,
): void {
  const { path, uid = 0, gid = 0 } = device;
  const type = device.type === "b" ? S.S_IFBLK : device.type === "p" ? S.S_IFIFO : S.S_IFCHR;
  const mode = type | (device.fileMode ?? 0o666);
  const number = deviceNumber(device.major ?? 0, device.minor ?? 0);
  const slash = path.lastIndexOf("/");
  const parent = path.slice(0, slash);
  const at = parent === "/dev" ? dev : targetSteps(p, tree, parent, "directory");
  const name = path.slice(slash + 1);
  const about = { name: "make device", subject: path };
  p.step("mknodat", [at, name, mode, number], mayExist ? { ...about, mayFail: true } : about);
  if (uid !== 0 || gid !== 0) {
    p.step("fchownat", [at, name, uid, gid, AT.AT_SYMLINK_NOFOLLOW], {
      name: "own device",
      subject: path,
    });
  }
}

/** `makedev(3)`. */
export function deviceNumber(major: number, minor: number): number {
  return (minor & 0xff) + ((major & 0xfff) << 8) + (minor >> 8) * 0x100000;
}
