/**
 * Compiles a bundle's `config.json` to the syscall program of the container's first process. Pure:
 * it reads nothing and needs no privilege, so the program can be shown before it runs.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { AT, CLONE, O } from "../linux/mod.ts";
import { ProgramBuilder, type Ref } from "../program/mod.ts";
import type { OciProcess, OciSpec } from "../oci/mod.ts";
import type { Compiled, CompileInput } from "./compile_types.ts";
import { identitySteps } from "./identity_steps.ts";
import { giveStdioSteps } from "./id_maps.ts";
import {
  becomeRootSteps,
  joinSteps,
  loopbackSteps,
  type NamespacePlan,
  planNamespaces,
  secondCloneStep,
  undumpableStep,
} from "./namespaces.ts";
import { raiseLimitSteps } from "./limit_steps.ts";
import { labelSteps, privateProcSteps, sysctlSteps, wantsLabel } from "./proc_steps.ts";
import {
  allProcessorsStep,
  cgroupSteps,
  closeSteps,
  keptFds,
  pauseSteps,
  pipeSteps,
  stdioSteps,
  waitSteps,
} from "./process_steps.ts";
import { execSteps, lookUpSteps } from "./exec_steps.ts";
import { enterRootSteps, type RootEntry } from "./root_steps.ts";
import type { CopyUp } from "./target_steps.ts";
import { protectTreeSteps, treeSteps } from "./tree_steps.ts";
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
  const entry = rootEntry(input, plan);
  const p = new ProgramBuilder("start");
  const kept = keptFds(input.preservedFds);
  const pipes = pipeSteps(p, { goFd: input.goFd, statusFd: input.statusFd, kept });
  if (plan.unshared > 0) p.step("unshare", [plan.unshared], { name: "make namespaces" });
  if (input.waitsForCgroups) waitSteps(p, pipes.go);
  // What changes the host's view of this process is done while it is still of the host.
  cgroupSteps(p, input.cgroups);
  allProcessorsStep(p);
  if (process.oomScoreAdj !== undefined) oomSteps(p, process.oomScoreAdj);
  if (has.has("user")) {
    raiseLimitSteps(p, process);
    const { uidMappings } = linux;
    const own = process.terminal ? [] : facts.ownStdio;
    giveStdioSteps(p, { stdio: input.stdio, own, user: process.user.uid, uidMappings });
  }
  const second = namespaceSteps(p, plan, pipes.go, input.rare);
  if (own.has("network")) loopbackSteps(p);
  undumpableStep(p);
  if (hasNetDevices(spec)) pauseSteps(p, pipes);
  p.step("setsid", []);
  if (own.has("cgroup")) {
    p.step("unshare", [CLONE.CLONE_NEWCGROUP], { name: "unshare cgroup namespace" });
  }

  const copies: CopyUp[] = [];
  const built = treeSteps(p, input, plan, (copy) => {
    copies.push(copy);
    pauseSteps(p, pipes);
  });
  if (!process.terminal) stdioSteps(p, input.stdio);
  const { sysctl = {} } = linux;
  const writesProc = Object.keys(sysctl).length > 0 || wantsLabel(process);
  const proc = writesProc ? privateProcSteps(p) : undefined;
  if (input.pausesBeforePivot) pauseSteps(p, pipes);
  const checks = enterRootSteps(p, built.tree.root, entry, facts);
  const master = process.terminal
    ? terminalSteps(p, process, { console: true, above: kept.turn })
    : undefined;
  if (proc !== undefined) {
    sysctlSteps(p, proc, sysctl, has);
    labelSteps(p, proc, process, facts.labelling);
  }
  checks.push(...protectTreeSteps(p, built, spec));
  nameSteps(p, spec, plan);
  input.rare?.last(p);
  const KEYCTL_JOIN_SESSION_KEYRING = 1;
  if (!input.keepKeyring) {
    p.step("keyctl", [KEYCTL_JOIN_SESSION_KEYRING, 0], { name: "new keyring", mayFail: true });
  }
  const turn = input.seccomp?.deliver === undefined ? undefined : pipes.go;
  closeSteps(p, kept, { go: input.gateFd ?? pipes.go, status: pipes.status, master, turn });
  const { check, listener } = identitySteps(p, process, {
    seccomp: input.seccomp,
    kept,
    available: facts.availableCapabilities,
    ownStdio: process.terminal ? [0] : facts.ownStdio,
    setGroups: facts.setGroups,
  });
  checks.push(check);
  if (input.gateFd !== undefined) checks.push(lookUpSteps(p, process));
  const attempts = execSteps(p, process, { kept });
  return {
    program: p,
    cloneFlags: plan.cloneFlags,
    second,
    checks,
    copies,
    listener,
    attempts,
    waitsForMapping: own.has("user"),
  };
}

function invalid(reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation: "start", reason });
}

/**
 * How the process comes to its root. A mount namespace that it joins is its own from then on, as in
 * runc: nothing of what was there leads out of the container.
 */
function rootEntry(
  { spec: { linux = {} }, noPivot = false }: CompileInput,
  { has }: NamespacePlan,
): RootEntry {
  if (!has.has("mount")) {
    const { maskedPaths = [], readonlyPaths = [] } = linux;
    if (maskedPaths.length + readonlyPaths.length === 0) return "chroot";
    throw invalid("masked and read-only paths need a mount namespace");
  }
  if (!noPivot) return "pivot";
  if (!/^r?private$/.test(linux.rootfsPropagation ?? "")) return "move";
  throw invalid("a private root is not safe without pivot_root");
}

/** Whether the process waits in its namespaces until it has got network devices. */
export function hasNetDevices({ linux = {} }: OciSpec): boolean {
  return Object.keys(linux.netDevices ?? {}).length > 0;
}

function checkProcess(process: OciProcess | undefined): asserts process is OciProcess {
  if (process === undefined) throw invalid("config.json has no process");
  if (process.args.length === 0) throw invalid("no command specified");
  if (!process.cwd.startsWith("/")) {
    throw invalid(`working directory ${JSON.stringify(process.cwd)} is not absolute`);
  }
}

export function oomSteps(p: ProgramBuilder, value: number): void {
  const about = { name: "set OOM score", subject: String(value) };
  const fd = p.step("openat", [AT.AT_FDCWD, "/proc/self/oom_score_adj", O.O_WRONLY, 0], about);
  p.step("write", [fd, String(value), String(value).length], about);
}

function namespaceSteps(
  p: ProgramBuilder,
  plan: NamespacePlan,
  go: Ref,
  rare: CompileInput["rare"],
): Ref | undefined {
  // Who is in a process-id namespace already must not look into who joins it (CVE-2016-9962).
  if (plan.joined.some(({ type }) => type === "pid")) undumpableStep(p);
  const proc = rare === undefined
    ? undefined
    : p.step("openat", [AT.AT_FDCWD, "/proc", O.O_PATH | O.O_CLOEXEC, 0]);
  joinSteps(p, plan.joined);
  const second = plan.secondClone === undefined
    ? undefined
    : secondCloneStep(p, plan.secondClone, plan.has);
  if (plan.own.has("user")) waitSteps(p, go);
  if (proc !== undefined) {
    rare?.inNamespaces(p, proc);
    p.step("close", [proc]);
  }
  if (plan.has.has("user")) becomeRootSteps(p);
  return second;
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
