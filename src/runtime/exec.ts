/**
 * Adds a process to a running container: the child joins the container's namespaces and cgroups, and
 * its own child, which is born into the process-id namespace, becomes the process.
 *
 * `setns` never runs on a thread of this process: a JavaScript engine starts threads when it likes.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { AT, O } from "../linux/mod.ts";
import { call, close, ProgramBuilder, readText, type Ref, spawn } from "../program/mod.ts";
import { cgroupLayout } from "./cgroup.ts";
import { oomSteps } from "./compile.ts";
import { capabilitiesIn, labelling, stdioToOwn } from "./facts.ts";
import { identitySteps } from "./identity_steps.ts";
import { giveStdioSteps } from "./id_maps.ts";
import { raiseLimitSteps } from "./limit_steps.ts";
import { becomeRootSteps, NAMESPACE_FLAGS, secondCloneStep, undumpableStep } from "./namespaces.ts";
import { labelSteps, privateProcSteps, wantsLabel } from "./proc_steps.ts";
import { Child, handOver, readyProcess, Rendezvous } from "./process.ts";
import {
  allProcessorsStep,
  cgroupSteps,
  closeSteps,
  keptFds,
  pipeSteps,
  stdioSteps,
} from "./process_steps.ts";
import { type RareSteps, rareSteps } from "./rare.ts";
import { chrootSteps } from "./root_steps.ts";
import { type Filter, filterOf } from "./seccomp_steps.ts";
import { cgroupsOf } from "./exec_cgroups.ts";
import { execSteps } from "./exec_steps.ts";
import { terminalSteps } from "./terminal_steps.ts";
import type { ExecOptions, RuntimeProcess } from "./types.ts";

/** The program, the step that tells the new process's id, and what is to be looked at. */
interface CompiledExec {
  readonly program: ProgramBuilder;
  readonly added: Ref;
  readonly ready: Pick<Parameters<typeof readyProcess>[1], "attempts" | "checks">;
  readonly listener: Ref | undefined;
}

/**
 * Start an added process that has done everything but execve.
 *
 * @throws {SyscallError} when a step fails, `not_found` when the container has ended
 */
export async function exec(options: ExecOptions): Promise<RuntimeProcess> {
  const { pid, process } = options;
  checkProcess(process.args, process.cwd);
  const seccomp = await filterOf(options.spec, options.filterCache);
  const rare = await rareSteps(options.spec, process);
  const pidfd = call("pidfd_open", `container process ${pid}`, pid, 0);
  const rendezvous = new Rendezvous();
  try {
    const { program, added: step, ready, listener } = compileExec(options, rendezvous, pidfd, {
      seccomp,
      rare,
    });
    const apart = rendezvous.descriptors(options, { terminal: process.terminal, others: [pidfd] });
    const child = new Child(spawn(program, { apart }), rendezvous);
    child.follow(step);
    if (listener !== undefined) {
      const { id = "", bundle = "" } = options;
      const deliver = (fd: number, added: number) =>
        seccomp?.deliver?.(fd, { pid: added, id, bundle, status: "running", containerPid: pid });
      await handOver(child, { operation: "exec", listener, deliver });
    }
    const added = readyProcess(child, {
      operation: "exec",
      process,
      masterFd: keptFds(options.preserveFds).master,
      ...ready,
    });
    const rdt = options.spec.linux?.intelRdt;
    const id = options.id ?? rdt?.closID ?? "";
    if (rdt !== undefined && id !== "") {
      const { RdtClass } = await import("./resctrl.ts");
      new RdtClass({ id, rdt, root: options.resctrl }).take(added);
    }
    return added;
  } catch (error) {
    rendezvous.close();
    throw error;
  } finally {
    close(pidfd);
  }
}

function compileExec(
  options: ExecOptions,
  { goFd, statusFd }: Rendezvous,
  pidfd: number,
  { seccomp, rare }: {
    readonly seccomp: Filter | undefined;
    readonly rare: RareSteps | undefined;
  },
): CompiledExec {
  const { pid, spec, process, stdio } = options;
  const p = new ProgramBuilder("exec");
  const kept = keptFds(options.preserveFds);
  const pipes = pipeSteps(p, { goFd, statusFd, kept });
  rare?.outside(p);
  // As in runc: a user may not move a process there from everywhere.
  const mayFail = options.cgroup?.manager?.user === true;
  for (const { directory, version } of cgroupsOf(cgroupLayout(), options)) {
    cgroupSteps(p, [directory], { file: version === 1 ? "tasks" : "cgroup.procs", mayFail });
  }
  allProcessorsStep(p);
  rare?.inCgroups(p);
  if (process.oomScoreAdj !== undefined) oomSteps(p, process.oomScoreAdj);
  const has = new Set((spec.linux?.namespaces ?? []).map(({ type }) => type));
  const userns = has.has("user");
  const { uid: user } = process.user;
  const ownStdio = user === 0 && !userns ? [] : process.terminal ? [0] : stdioToOwn(stdio);
  const fds = [stdio.stdin, stdio.stdout, stdio.stderr] as const;
  if (userns) {
    raiseLimitSteps(p, process);
    const { uidMappings } = spec.linux ?? {};
    const own = process.terminal ? [] : ownStdio;
    giveStdioSteps(p, { stdio: fds, own, user, uidMappings });
  }
  // Before anything of the container can see this process (CVE-2016-9962).
  undumpableStep(p);
  let namespaces = 0;
  for (const type of has) namespaces += NAMESPACE_FLAGS[type];
  // A mount namespace brings its root; without one of its own the container has it by chroot.
  const root = (namespaces & NAMESPACE_FLAGS.mount) === 0 ? rootStep(p, pid) : undefined;
  if (namespaces !== 0) {
    p.step("setns", [pidfd, namespaces], { name: "join the container's namespaces" });
  }
  if (root !== undefined) chrootSteps(p, root);
  const added = secondCloneStep(p, 0, has);
  if (userns) becomeRootSteps(p);
  p.step("setsid", []);
  if (wantsLabel(process)) labelSteps(p, privateProcSteps(p), process, labelling());
  let master: Ref | undefined;
  if (process.terminal) master = terminalSteps(p, process, { console: false, above: kept.turn });
  else stdioSteps(p, fds);
  rare?.last(p);
  const turn = seccomp?.deliver === undefined ? undefined : pipes.go;
  closeSteps(p, kept, { ...pipes, master, turn });
  const { check, listener } = identitySteps(p, process, {
    seccomp,
    kept,
    available: capabilitiesIn(spec),
    ownStdio,
    // Who may not set them keeps ours, so whoever may does.
    setGroups: !userns || readText(`/proc/${pid}/setgroups`).trim() === "allow",
  });
  const attempts = execSteps(p, process, { kept, executable: options.executable });
  return { program: p, added, ready: { attempts, checks: [check] }, listener };
}

/** The root of the container's process. */
function rootStep(p: ProgramBuilder, pid: number): Ref {
  const path = `/proc/${pid}/root`;
  return p.step("openat", [AT.AT_FDCWD, path, O.O_PATH | O.O_CLOEXEC, 0], {
    name: "open root",
    subject: path,
  });
}

function checkProcess(args: readonly string[], cwd: string): void {
  const reason = args.length === 0
    ? "no command specified"
    : !cwd.startsWith("/")
    ? `working directory ${JSON.stringify(cwd)} is not absolute`
    : undefined;
  if (reason !== undefined) {
    throw new CtrError({ code: "invalid_argument", operation: "exec", reason });
  }
}
