/**
 * The steps that write to `/proc` for a container: kernel parameters and security labels. They go
 * through a procfs of their own that is mounted nowhere: what is at the container's `/proc` may be
 * anything (CVE-2025-52881, CVE-2019-16884).
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { O, RESOLVE } from "../linux/mod.ts";
import type { OciNamespaceType, OciProcess } from "../oci/mod.ts";
import { openHow, type ProgramBuilder, type Ref } from "../program/mod.ts";

/** What the host can label processes with. */
export type Labelling = "apparmor" | "selinux";

const WRITE_BENEATH = openHow(
  O.O_WRONLY | O.O_CLOEXEC,
  RESOLVE.RESOLVE_BENEATH | RESOLVE.RESOLVE_NO_XDEV | RESOLVE.RESOLVE_NO_MAGICLINKS,
);

/** A procfs of this process-id namespace that no path leads to. */
export function privateProcSteps(p: ProgramBuilder): Ref {
  const FSCONFIG_CMD_CREATE = 6;
  const name = "open a private /proc";
  const context = p.step("fsopen", ["proc", 1], { name });
  p.step("fsconfig", [context, FSCONFIG_CMD_CREATE, 0, 0, 0], { name });
  return p.step("fsmount", [context, 1, 0], { name });
}

/** Set kernel parameters, which must belong to the container's own namespaces. */
export function sysctlSteps(
  p: ProgramBuilder,
  proc: Ref,
  sysctl: Readonly<Record<string, string>>,
  has: ReadonlySet<OciNamespaceType>,
): void {
  for (const [key, value] of Object.entries(sysctl)) {
    const path = sysctlPath(key);
    checkSysctl(key, path.replaceAll("/", "."), has);
    writeSteps(p, proc, { path: `sys/${path}`, value, name: "set sysctl", subject: key });
  }
}

/** `net.ipv4.conf.eth0/1.arp` and `net/ipv4/conf/eth0.1/arp` mean the same: the first separator rules. */
function sysctlPath(key: string): string {
  const first = /[./]/.exec(key)?.[0];
  const path = first === "." ? key.replace(/[./]/g, (c) => c === "." ? "/" : ".") : key;
  if (!/^[\w.:@-]+(\/[\w.:@-]+)+$/.test(path) || path.split("/").includes("..")) {
    throw sysctlError(key, "it is not the name of a kernel parameter");
  }
  return path;
}

function checkSysctl(key: string, dotted: string, has: ReadonlySet<OciNamespaceType>): void {
  const ipc = /^(kernel\.(msgmax|msgmnb|msgmni|sem|shm(all|max|mni|_rmid_forced))|fs\.mqueue\..+)$/;
  if (ipc.test(dotted)) {
    if (!has.has("ipc")) throw sysctlError(key, "the container uses the host's ipc namespace");
  } else if (dotted.startsWith("net.")) {
    if (!has.has("network")) {
      throw sysctlError(key, "the container uses the host's network namespace");
    }
  } else if (dotted === "kernel.domainname" && has.has("uts")) return;
  else if (dotted === "kernel.hostname" && has.has("uts")) {
    throw sysctlError(key, 'it is not allowed as it conflicts with the OCI "hostname" field');
  } else throw sysctlError(key, "it does not belong to a namespace of the container");
}

function sysctlError(subject: string, reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation: "set sysctl", subject, reason });
}

/** The label that the process gets at its execve. */
export function labelSteps(
  p: ProgramBuilder,
  proc: Ref,
  process: OciProcess,
  host: ReadonlySet<Labelling>,
): void {
  const { apparmorProfile: profile = "", selinuxLabel = "" } = process;
  if (profile !== "" && profile !== "unconfined") {
    if (!host.has("apparmor")) {
      const reason = "apparmor failed to apply profile: this host has no AppArmor";
      throw labelError("AppArmor profile", profile, reason);
    }
    const path = "self/attr/apparmor/exec";
    writeSteps(p, proc, {
      path,
      value: `exec ${profile}`,
      name: "apply AppArmor profile",
      subject: profile,
    });
  }
  if (selinuxLabel !== "") {
    if (!host.has("selinux")) {
      const reason =
        "selinux label is specified in config, but selinux is disabled or not supported";
      throw labelError("SELinux label", selinuxLabel, reason);
    }
    const path = "self/attr/exec";
    writeSteps(p, proc, { path, value: selinuxLabel, name: "set label", subject: selinuxLabel });
  }
}

/** True when a process wants a label. */
export function wantsLabel({ apparmorProfile = "", selinuxLabel = "" }: OciProcess): boolean {
  return (apparmorProfile !== "" && apparmorProfile !== "unconfined") || selinuxLabel !== "";
}

function labelError(what: string, subject: string, reason: string): CtrError {
  return new CtrError({ code: "failed_precondition", operation: `use ${what}`, subject, reason });
}

function writeSteps(
  p: ProgramBuilder,
  proc: Ref,
  { path, value, name, subject }: {
    readonly path: string;
    readonly value: string;
    readonly name: string;
    readonly subject: string;
  },
): void {
  const bytes = new TextEncoder().encode(value);
  const fd = p.step("openat2", [proc, path, WRITE_BENEATH, 24], { name, subject });
  p.step("write", [fd, bytes, bytes.length], { name, subject });
}
