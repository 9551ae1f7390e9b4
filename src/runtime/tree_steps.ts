/**
 * The steps that build a container's file system tree.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { MS } from "../linux/mod.ts";
import type { OciMount } from "../oci/mod.ts";
import type { ProgramBuilder, Ref } from "../program/mod.ts";
import { cgroupMountSteps } from "./cgroup_mount_steps.ts";
import type { CompileInput } from "./compile_types.ts";
import { deviceSteps } from "./device_steps.ts";
import { mountSteps, rootfsSteps } from "./mount_steps.ts";
import { normalPath, targetSteps, type Tree } from "./target_steps.ts";
import { type NullMounts, nullMountSteps } from "./protect_steps.ts";

/** The container's file system tree, up to the point where it becomes the root. */
export function treeSteps(
  p: ProgramBuilder,
  input: CompileInput,
  userns: boolean,
): { readonly tree: Tree; readonly nulls: NullMounts } {
  const { spec, facts } = input;
  const { linux = {}, mounts = [] } = spec;
  const spread = propagation(linux.rootfsPropagation);
  p.step("mount", [0, "/", 0, spread, 0], { name: "set propagation of the root" });
  if (facts.parentMount !== undefined) {
    // Or the container's mounts would appear on the host.
    p.step("mount", [0, facts.parentMount, 0, MS.MS_PRIVATE, 0], {
      name: "make the mount of the rootfs private",
      subject: facts.parentMount,
    });
  }
  p.step("umask", [0]);
  const tree = rootfsSteps(p, facts.rootfsPath, input.rootfs);
  const dev = mounts.find(({ destination }) => normalPath(destination) === "/dev");
  const bound = dev?.type === "bind" || dev?.options?.some((option) => /^r?bind$/.test(option));
  const makeDevices = (fresh: boolean) =>
    deviceSteps(p, tree, linux.devices ?? [], { bind: userns, fresh });
  let nullDevice: Ref | undefined;
  for (const mount of mounts) {
    checkProcMount(mount);
    if (mount.type === "cgroup" || mount.type === "cgroup2") {
      cgroupMountSteps(p, tree, mount, input.cgroupMounts);
      continue;
    }
    const source = mount.source?.startsWith("/") === false && isBind(mount)
      ? `${input.bundle}/${mount.source}`
      : mount.source;
    const whole = source === undefined ? mount : { ...mount, source };
    mountSteps(p, tree, whole, facts.sourceKinds.get(mount.destination) ?? "directory");
    if (mount === dev && !bound) nullDevice = makeDevices(mount.type === "tmpfs");
  }
  if (dev === undefined) {
    targetSteps(p, tree, "/dev", "directory");
    makeDevices(false); // in the rootfs itself, where others may be at work: its null is not trusted
  }
  const masks = { paths: linux.maskedPaths ?? [], kinds: facts.maskKinds };
  return { tree, nulls: nullMountSteps(p, masks, nullDevice) };
}

function isBind(mount: OciMount): boolean {
  return mount.type === "bind" || mount.options?.some((option) => /^r?bind$/.test(option)) === true;
}

/** As in runc: nothing may hide what the container's `/proc` says, but for files that LXCFS serves. */
function checkProcMount({ destination, type, source = "" }: OciMount): void {
  const path = normalPath(destination);
  if (path !== "/proc" && !path.startsWith("/proc/")) return;
  const served =
    /^\/proc\/(cpuinfo|diskstats|meminfo|stat|swaps|uptime|loadavg|slabinfo|net\/dev|sys\/kernel\/ns_last_pid|sys\/crypto\/fips_enabled)$/;
  const fine = path === "/proc" ? type === "proc" || source === "/proc" : served.test(path);
  if (fine) return;
  throw new CtrError({
    code: "invalid_argument",
    operation: "mount",
    subject: destination,
    reason: path === "/proc"
      ? "only a proc file system can be there"
      : "it is inside /proc, where nothing can be mounted",
  });
}

function propagation(name: string | undefined): number {
  const words: Readonly<Record<string, number>> = {
    shared: MS.MS_SHARED,
    private: MS.MS_PRIVATE,
    slave: MS.MS_SLAVE,
    unbindable: MS.MS_UNBINDABLE,
  };
  if (name === undefined || name === "") return MS.MS_SLAVE | MS.MS_REC;
  const word = words[name.replace(/^r/, "")];
  if (word === undefined) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "start",
      reason: `there is no propagation ${JSON.stringify(name)}`,
    });
  }
  return name.startsWith("r") ? word | MS.MS_REC : word;
}
