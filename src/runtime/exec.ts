/**
 * Adds a process to a running container: the child joins the container's namespaces and cgroups, and
 * its own child, which is born into the process-id namespace, becomes the process.
 *
 * `setns` never runs on a thread of this process: a JavaScript engine starts threads when it likes.
 *
 * @module
 */

import { CLONE, O, PR } from "../linux/mod.ts";
import { call, close, exists, ProgramBuilder, spawn, waitFor } from "../program/mod.ts";
import { type CgroupLayout, cgroupLayout, checkedCgroupPath } from "./cgroup.ts";
import { NAMESPACE_FLAGS } from "./compile.ts";
import { availableCapabilities, seccompOf } from "./create.ts";
import { readyProcess, Rendezvous } from "./process.ts";
import {
  cgroupSteps,
  closeSteps,
  execSteps,
  GO_FD,
  identitySteps,
  rlimitSteps,
  STATUS_FD,
  stdioSteps,
  terminalSteps,
} from "./process_steps.ts";
import type { ExecOptions, RuntimeProcess } from "./types.ts";

/**
 * Start an added process that has done everything but execve.
 *
 * @throws {SyscallError} when a step fails, `not_found` when the container has ended
 */
export async function exec(options: ExecOptions): Promise<RuntimeProcess> {
  const { spec, process, stdio } = options;
  const seccomp = await seccompOf(spec);
  const pidfd = call("pidfd_open", `container process ${options.pid}`, options.pid, 0);
  const rendezvous = new Rendezvous();
  try {
    const p = new ProgramBuilder("exec");
    p.step("dup3", [rendezvous.goFd, 1000 + GO_FD, O.O_CLOEXEC]);
    p.step("dup3", [rendezvous.statusFd, 1000 + STATUS_FD, O.O_CLOEXEC]);
    // Before anything of the container can see this process: its exe is the host's runtime
    // (CVE-2019-5736).
    p.step("prctl", [PR.PR_SET_DUMPABLE, 0, 0, 0, 0]);
    const layout = cgroupLayout();
    const directories = cgroupDirectories(layout, spec.linux?.cgroupsPath ?? "");
    if (layout.version === 1) cgroupSteps(p, directories);
    else if (directories.length > 0) {
      const fd = p.step("openat", [-100, `${directories[0]}/cgroup.procs`, O.O_WRONLY, 0], {
        name: "enter cgroup",
      });
      p.step("write", [fd, "0", 1], { name: "enter cgroup" });
    }
    let namespaces = 0;
    for (const { type } of spec.linux?.namespaces ?? []) namespaces += NAMESPACE_FLAGS[type];
    p.step("setns", [pidfd, namespaces], { name: "join the container's namespaces" });
    // struct clone_args: only flags; the parent of the new process is ours, not this one.
    const args = new Uint8Array(88);
    new DataView(args.buffer).setBigUint64(
      0,
      BigInt(CLONE.CLONE_VM + CLONE.CLONE_PARENT + CLONE.CLONE_CLEAR_SIGHAND),
      true,
    );
    const added = p.step("clone3", [args, args.length], {
      name: "clone into the process-id namespace",
      exitIfPositive: true,
    });
    p.step("setsid", []);
    if (!process.terminal) stdioSteps(p, [stdio.stdin, stdio.stdout, stdio.stderr]);
    else {
      terminalSteps(p, {
        console: false,
        ...process.consoleSize === undefined ? {} : { size: process.consoleSize },
      });
    }
    rlimitSteps(p, process);
    p.step("dup3", [1000 + GO_FD, GO_FD, O.O_CLOEXEC]);
    p.step("dup3", [1000 + STATUS_FD, STATUS_FD, O.O_CLOEXEC]);
    closeSteps(p, process.terminal === true);
    identitySteps(p, process, {
      seccomp,
      available: availableCapabilities(),
      setGroups: true,
    });
    const execs = execSteps(p, process);
    const child = spawn(p);
    rendezvous.childStarted();
    const joined = waitFor(child.pid, { block: true });
    // CLONE_PARENT returns the process id in our namespace, whichever the clone itself is in.
    const pid = child.result(added);
    return readyProcess({
      child,
      pid: joined?.exitCode === 0 ? pid : child.pid,
      rendezvous,
      operation: "exec",
      execs,
      command: process.args[0]!,
      terminal: process.terminal === true,
    });
  } catch (error) {
    rendezvous.close();
    throw error;
  } finally {
    close(pidfd);
  }
}

function cgroupDirectories(layout: CgroupLayout, path: string): string[] {
  const checked = checkedCgroupPath(path);
  const roots = layout.version === 2 ? [layout.root] : [...new Set(layout.controllers.values())];
  return roots.map((root) => root + checked).filter((directory) => exists(directory));
}
