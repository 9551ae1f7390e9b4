/**
 * The steps that build a container's file system tree.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { MS } from "../linux/mod.ts";
import type { OciMount, OciSpec } from "../oci/mod.ts";
import type { ProgramBuilder, Ref } from "../program/mod.ts";
import { cgroupMountSteps } from "./cgroup_mount_steps.ts";
import type { CompileInput } from "./compile_types.ts";
import { deviceSteps } from "./device_steps.ts";
import { mountSteps, rootfsSteps } from "./mount_steps.ts";
import type { NamespacePlan } from "./namespaces.ts";
import {
  type Check,
  maskSteps,
  type NullMounts,
  nullMountSteps,
  protectMountSteps,
  readonlySteps,
} from "./protect_steps.ts";
import { rootPropagationSteps, separateSteps } from "./root_steps.ts";
import { type CopyUp, normalPath, targetSteps, type Tree } from "./target_steps.ts";

/** A container's tree before it is the root. */
export interface BuiltTree {
  readonly tree: Tree;
  readonly nulls: NullMounts;
  readonly checks: readonly Check[];
}

/**
 * The container's file system tree, up to the point where it becomes the root. In the host's mount
 * namespace, where a container without one of its own is, its mounts stay when it ends.
 */
export function treeSteps(
  p: ProgramBuilder,
  input: CompileInput,
  plan: NamespacePlan,
  copyUp: (copy: CopyUp) => void,
): BuiltTree {
  const { spec, facts } = input;
  const { has } = plan;
  const { linux = {}, mounts = [] } = spec;
  if (has.has("mount")) separateSteps(p, spec, facts);
  p.step("umask", [0]);
  const tree = rootfsSteps(p, facts.rootfsPath, input.rootfs);
  tree.copyUp = copyUp;
  if (facts.labelling.has("selinux")) tree.label = linux.mountLabel ?? "";
  if (!has.has("mount")) {
    p.step("fchdir", [tree.root]);
    p.step("mount", [0, ".", 0, MS.MS_PRIVATE | MS.MS_REC, 0], { name: "separate from the host" });
  }
  const dev = mounts.find(({ destination }) => normalPath(destination) === "/dev");
  const bind = has.has("user") || !facts.makesDevices;
  const checks: Check[] = [];
  const makeDevices = (fresh: boolean) => {
    const made = deviceSteps(p, tree, linux.devices ?? [], { bind, fresh, kcore: facts.kcore });
    checks.push(...made.checks);
    return made.nullDevice;
  };
  let nullDevice: Ref | undefined;
  for (const mount of mounts) {
    checkProcMount(mount);
    // A hybrid host's version 2 is mounted like any other file system.
    const unified = input.cgroupMounts[0]?.name === "";
    if (mount.type === "cgroup" || (mount.type === "cgroup2" && unified)) {
      cgroupMountSteps(p, tree, mount, { cgroupMounts: input.cgroupMounts, plan });
      continue;
    }
    const source = mount.source?.startsWith("/") === false && isBind(mount)
      ? `${input.bundle}/${mount.source}`
      : mount.source;
    const whole = source === undefined ? mount : { ...mount, source };
    const kind = facts.sourceKinds.get(mount.destination) ?? "directory";
    mountSteps(p, tree, whole, kind, input.sources?.get(mount));
    if (mount !== dev || isBind(mount)) continue;
    const fresh = mount.type === "tmpfs";
    const made = makeDevices(fresh);
    if (fresh) nullDevice = made; // no other is trusted
  }
  if (dev === undefined) {
    targetSteps(p, tree, "/dev", "directory");
    makeDevices(false);
  }
  const masks = { paths: linux.maskedPaths ?? [], kinds: facts.maskKinds };
  return { tree, nulls: nullMountSteps(p, masks, nullDevice), checks };
}

/** What is done to the tree when it is the root. */
export function protectTreeSteps(
  p: ProgramBuilder,
  { tree, nulls, checks: made }: BuiltTree,
  spec: OciSpec,
): Check[] {
  const checks = [...made, ...readonlySteps(p, spec.linux?.readonlyPaths ?? [])];
  checks.push(...maskSteps(p, nulls, tree.label));
  // Docker makes a missing working directory.
  targetSteps(p, tree, spec.process!.cwd, "directory", { mayFail: true });
  for (const place of tree.readonlyLater) protectMountSteps(p, tree, place);
  if (spec.root?.readonly) protectMountSteps(p, tree, "/");
  // At last: what cannot be bound could not be made read-only either.
  rootPropagationSteps(p, spec);
  return checks;
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
