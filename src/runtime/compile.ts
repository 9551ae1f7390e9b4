/**
 * Compiles a bundle's `config.json` to the syscall program of the container's first process. Pure:
 * it reads nothing and needs no privilege, so the program can be shown before it runs.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { AT, CLONE, MS, O, PR } from "../linux/mod.ts";
import { ProgramBuilder, type Ref } from "../program/mod.ts";
import type { OciMount, OciProcess, OciSpec } from "../oci/mod.ts";
import type { Compiled, CompileInput } from "./compile_types.ts";
import { deviceSteps } from "./device_steps.ts";
import {
  freshSteps,
  mountSteps,
  normalPath,
  rootfsSteps,
  targetSteps,
  type Tree,
} from "./mount_steps.ts";
import { giveStdioSteps } from "./id_maps.ts";
import {
  becomeRootSteps,
  joinSteps,
  type NamespacePlan,
  planNamespaces,
  secondCloneStep,
} from "./namespaces.ts";
import { labelSteps, privateProcSteps, sysctlSteps, wantsLabel } from "./proc_steps.ts";
import {
  cgroupSteps,
  closeSteps,
  identitySteps,
  keptFds,
  pauseSteps,
  pipeSteps,
  raiseLimitSteps,
  seccompFlags,
  stdioSteps,
  waitSteps,
} from "./process_steps.ts";
import { schedulingSteps } from "./scheduling_steps.ts";
import { execSteps, lookUpSteps } from "./exec_steps.ts";
import { maskSteps, nullMountSteps, protectMountSteps, readonlySteps } from "./protect_steps.ts";
import { terminalSteps } from "./terminal_steps.ts";
import { checkSupported } from "./unsupported.ts";

/**
 * Compile.
 *
 * @throws {CtrError} `invalid_argument` when the spec makes no sense, `not_implemented` for what is
 * not supported
 */
export function compile(input: CompileInput): Compiled {
  const { spec, facts } = input;
  const { process, linux = {} } = spec;
  checkProcess(process);
  checkSupported(spec);
  const plan = planNamespaces(linux.namespaces);
  const { own, has } = plan;
  if (!own.has("mount")) {
    throw invalid("a container without a mount namespace of its own is not supported");
  }
  const p = new ProgramBuilder("start");
  const kept = keptFds(input.preservedFds);
  const pipes = pipeSteps(p, { goFd: input.goFd, statusFd: input.statusFd, kept });
  // What changes the host's view of this process is done while it is still of the host.
  cgroupSteps(p, input.cgroups);
  if (process.oomScoreAdj !== undefined) oomSteps(p, process.oomScoreAdj);
  if (has.has("user")) {
    raiseLimitSteps(p, process);
    const { uidMappings } = linux;
    const own = process.terminal ? [] : facts.ownStdio;
    giveStdioSteps(p, { stdio: input.stdio, own, user: process.user.uid, uidMappings });
  }
  const second = namespaceSteps(p, plan, pipes.go, input.parentFds);
  // In a joined process-id or user namespace others could look into this process and, through
  // /proc/PID/exe, at the host's runtime (CVE-2019-5736).
  p.step("prctl", [PR.PR_SET_DUMPABLE, 0, 0, 0, 0]);
  p.step("setsid", []);
  if (own.has("cgroup")) {
    p.step("unshare", [CLONE.CLONE_NEWCGROUP], { name: "unshare cgroup namespace" });
  }

  const { tree, nulls } = treeSteps(p, input, has.has("user"));
  if (!process.terminal) stdioSteps(p, input.stdio);
  const { sysctl = {} } = linux;
  const writesProc = Object.keys(sysctl).length > 0 || wantsLabel(process);
  const proc = writesProc ? privateProcSteps(p) : undefined;
  if (input.pausesBeforePivot) pauseSteps(p, pipes);
  pivotSteps(p, tree.root);
  const master = process.terminal ? terminalSteps(p, process, { console: true }) : undefined;
  if (proc !== undefined) {
    sysctlSteps(p, proc, sysctl, has);
    labelSteps(p, proc, process, facts.labelling);
  }
  const checks = readonlySteps(p, linux.readonlyPaths ?? []);
  checks.push(...maskSteps(p, nulls));
  // Docker makes a missing working directory.
  targetSteps(p, tree, process.cwd, "directory", { mayFail: true });
  if (spec.root?.readonly) protectMountSteps(p, tree, "/");
  nameSteps(p, spec, plan);
  schedulingSteps(p, process);
  const KEYCTL_JOIN_SESSION_KEYRING = 1;
  if (!input.keepKeyring) {
    p.step("keyctl", [KEYCTL_JOIN_SESSION_KEYRING, 0], { name: "new keyring", mayFail: true });
  }
  closeSteps(p, kept, { go: input.gateFd ?? pipes.go, status: pipes.status, master });
  checks.push(identitySteps(p, process, {
    seccomp: input.seccomp,
    seccompFlags: seccompFlags(linux.seccomp?.flags),
    available: facts.availableCapabilities,
    ownStdio: process.terminal ? [0] : facts.ownStdio,
    setGroups: facts.setGroups,
  }));
  if (input.gateFd !== undefined) checks.push(lookUpSteps(p, process));
  const attempts = execSteps(p, process, kept);
  return {
    program: p,
    cloneFlags: plan.cloneFlags,
    second,
    copyMemory: process.oomScoreAdj !== undefined || plan.joined.some(({ type }) => type === "pid"),
    checks,
    attempts,
    waitsForMapping: own.has("user"),
  };
}

function invalid(reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation: "start", reason });
}

function checkProcess(process: OciProcess | undefined): asserts process is OciProcess {
  if (process === undefined) throw invalid("config.json has no process");
  if (process.args.length === 0) throw invalid("no command specified");
  if (!process.cwd.startsWith("/")) {
    throw invalid(`working directory ${JSON.stringify(process.cwd)} is not absolute`);
  }
}

/** Written by a process that shares its memory, it would count for all that share it. */
export function oomSteps(p: ProgramBuilder, value: number): void {
  const about = { name: "set OOM score", subject: String(value) };
  const fd = p.step("openat", [AT.AT_FDCWD, "/proc/self/oom_score_adj", O.O_WRONLY, 0], about);
  p.step("write", [fd, String(value), String(value).length], about);
}

function namespaceSteps(
  p: ProgramBuilder,
  plan: NamespacePlan,
  go: Ref,
  parentFds: readonly number[],
): Ref | undefined {
  joinSteps(p, plan.joined);
  const second = plan.secondClone === undefined
    ? undefined
    : secondCloneStep(p, plan.secondClone, { shareMemory: !joinsOthers(plan) });
  if (plan.own.has("user")) {
    // With the parent's ends open here, its death would not end the wait.
    for (const fd of parentFds) p.step("close", [fd]);
    waitSteps(p, go);
  }
  if (plan.has.has("user")) becomeRootSteps(p);
  return second;
}

/** Whether there are others who could see this process before its program. */
function joinsOthers({ joined }: NamespacePlan): boolean {
  return joined.some(({ type }) => type === "pid" || type === "user");
}

/** The container's file system tree, up to the point where it becomes the root. */
function treeSteps(p: ProgramBuilder, input: CompileInput, userns: boolean) {
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
  if (word === undefined) throw invalid(`there is no propagation ${JSON.stringify(name)}`);
  return name.startsWith("r") ? word | MS.MS_REC : word;
}

function cgroupMountSteps(
  p: ProgramBuilder,
  tree: Tree,
  { destination, options = [] }: OciMount,
  mounts: CompileInput["cgroupMounts"],
): void {
  const readonly = options.includes("ro");
  const bind = ["bind", "nosuid", "nodev", "noexec", ...readonly ? ["ro"] : []];
  if (mounts.length === 1 && mounts[0]!.name === "") {
    mountSteps(p, tree, { destination, source: mounts[0]!.source, options: bind }, "directory");
    return;
  }
  const tmpfs = ["nosuid", "nodev", "noexec", "mode=755"];
  mountSteps(p, tree, { destination, type: "tmpfs", source: "tmpfs", options: tmpfs }, "directory");
  freshSteps(p, tree, destination);
  for (const { source, name } of mounts) {
    const target = `${destination}/${name}`;
    mountSteps(p, tree, { destination: target, source, options: bind }, "directory");
  }
  if (readonly) protectMountSteps(p, tree, destination);
}

/** Make the root the process's own `/`, with nothing of the host's tree reachable. */
function pivotSteps(p: ProgramBuilder, root: Ref): void {
  const host = p.step("openat", [AT.AT_FDCWD, "/", O.O_PATH | O.O_CLOEXEC, 0]);
  p.step("fchdir", [root]);
  p.step("pivot_root", [".", "."]);
  p.step("fchdir", [host]);
  // If mounts are shared, the end of the host's root here must not be its end there.
  p.step("mount", [0, ".", 0, MS.MS_SLAVE | MS.MS_REC, 0], { name: "separate from the host" });
  p.step("umount2", [".", 2], { name: "detach the host's root" });
  p.step("chdir", ["/"]);
}

function nameSteps(p: ProgramBuilder, spec: OciSpec, { has }: NamespacePlan): void {
  for (
    const [call, value] of [["sethostname", spec.hostname], [
      "setdomainname",
      spec.domainname,
    ]] as const
  ) {
    if (value === undefined || value === "") continue;
    if (!has.has("uts")) throw invalid("a name for the host needs a uts namespace");
    p.step(call, [value, new TextEncoder().encode(value).length]);
  }
}
