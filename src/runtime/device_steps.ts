/**
 * The steps that fill a container's fresh `/dev`.
 *
 * @module
 */

import { AT, O, S } from "../linux/mod.ts";
import type { OciDevice } from "../oci/mod.ts";
import { O_ARCH, openHow, type ProgramBuilder, type Ref } from "../program/mod.ts";
import { IN_ROOT, mountSteps, TARGET, targetSteps } from "./mount_steps.ts";

/** Device nodes, and the links that every program expects, in the fresh `/dev`. */
export function deviceSteps(
  p: ProgramBuilder,
  root: Ref,
  devices: readonly OciDevice[],
  options: { readonly bind: boolean },
): void {
  const how = openHow(O.O_PATH | O_ARCH.O_DIRECTORY | O.O_CLOEXEC, IN_ROOT);
  const dev = p.step("openat2", [root, "dev", how, how.length], { name: "open /dev" });
  for (const device of devices) {
    if (options.bind) {
      mountSteps(
        p,
        root,
        { destination: device.path, source: device.path, options: ["bind"] },
        "file",
      );
      continue;
    }
    const type = device.type === "b" ? S.S_IFBLK : device.type === "p" ? S.S_IFIFO : S.S_IFCHR;
    const mode = type | (device.fileMode ?? 0o666);
    const number = deviceNumber(device.major ?? 0, device.minor ?? 0);
    const inDev = /^\/dev\/([^/]+)$/.exec(device.path);
    const at = inDev === null ? parentOf(p, root, device.path) : dev;
    const name = device.path.slice(device.path.lastIndexOf("/") + 1);
    p.step("mknodat", [at, name, mode, number], { name: "make device", subject: device.path });
    if (device.uid || device.gid) {
      p.step("fchownat", [at, name, device.uid ?? 0, device.gid ?? 0, AT.AT_SYMLINK_NOFOLLOW], {
        name: "own device",
        subject: device.path,
      });
    }
  }
  const links = [
    ["/proc/self/fd", "fd"],
    ["/proc/self/fd/0", "stdin"],
    ["/proc/self/fd/1", "stdout"],
    ["/proc/self/fd/2", "stderr"],
    ["pts/ptmx", "ptmx"],
    ["/proc/kcore", "core"],
  ] as const;
  for (const [to, name] of links) {
    p.step("symlinkat", [to, dev, name], { name: "link device", subject: name, mayFail: true });
  }
}

/** The directory of a path in the root, with what is missing made on the way. */
function parentOf(p: ProgramBuilder, root: Ref, path: string): Ref {
  targetSteps(p, root, path.slice(0, path.lastIndexOf("/")), "directory");
  return p.step("openat", [AT.AT_FDCWD, TARGET, O.O_PATH | O_ARCH.O_DIRECTORY | O.O_CLOEXEC, 0]);
}

/** `makedev(3)`. */
export function deviceNumber(major: number, minor: number): number {
  return (minor & 0xff) + ((major & 0xfff) << 8) + (minor >> 8) * 0x100000;
}
