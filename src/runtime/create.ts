/**
 * From a bundle to a process that stands before execve.
 *
 * @module
 */

import { CtrError, SyscallError } from "../errors.ts";
import { CAPABILITIES, ERRNO, errnoName } from "../linux/mod.ts";
import { call, fileKind, rmdir, spawn, writeFile } from "../program/mod.ts";
import type { OciIdMapping, OciSpec } from "../oci/mod.ts";
import { span } from "../trace.ts";
import { cgroupLayout, checkedCgroupPath } from "./cgroup.ts";
import { compile, type Compiled, type CompileInput } from "./compile.ts";
import { readyProcess, Rendezvous } from "./process.ts";
import { seccompFilter } from "./seccomp_filter.ts";
import type { CreateOptions, RuntimeProcess } from "./types.ts";

/** Our permitted capabilities: nothing else can be given away. */
export function availableCapabilities(): string[] {
  const header = new Uint8Array(new Uint32Array([0x20080522, 0]).buffer);
  const data = new Uint32Array(6);
  call("capget", "capabilities", header, new Uint8Array(data.buffer));
  const [, low, , , high] = data;
  return CAPABILITIES.filter((_, bit) =>
    ((bit < 32 ? low! >>> bit : high! >>> (bit - 32)) & 1) === 1
  );
}

/** The filter of a spec, compiled for this machine. */
export async function seccompOf(spec: OciSpec): Promise<Uint8Array | undefined> {
  if (spec.linux?.seccomp === undefined) return undefined;
  const { seccompFilter } = await import("./seccomp_filter.ts");
  return await seccompFilter(spec.linux.seccomp);
}

/** Look up what the compiler has to know, apart from descriptors and cgroups. */
export function factsOf(
  options: Pick<CreateOptions, "spec" | "bundle" | "rootfs">,
): Pick<CompileInput, "rootfsPath" | "sourceKinds" | "availableCapabilities"> {
  const { spec, bundle } = options;
  const rootPath = spec.root?.path ?? "rootfs";
  const sourceKinds = new Map<string, "directory" | "file">();
  for (const mount of spec.mounts ?? []) {
    if (!mount.options?.some((option) => option === "bind" || option === "rbind")) continue;
    const kind = fileKind(mount.source ?? "");
    if (kind === undefined) {
      throw new CtrError({
        code: "not_found",
        operation: "mount",
        subject: mount.destination,
        reason: `bind source path does not exist: ${mount.source}`,
      });
    }
    sourceKinds.set(mount.destination, kind === "directory" ? "directory" : "file");
  }
  return {
    rootfsPath: rootPath.startsWith("/") ? rootPath : `${bundle}/${rootPath}`,
    sourceKinds,
    availableCapabilities: availableCapabilities(),
  };
}

/**
 * Start a process that has done everything but execve.
 *
 * @throws {SyscallError} when a step fails; `operation` is the step. Nothing is left behind then.
 */
export async function create(options: CreateOptions): Promise<RuntimeProcess> {
  const { spec, id } = options;
  const path = checkedCgroupPath(spec.linux?.cgroupsPath ?? `/ctr/${id}`);
  const layout = cgroupLayout();
  const made: string[] = [];
  let cgroupFd: number | undefined;
  const rendezvous = new Rendezvous();
  try {
    const facts = factsOf(options);
    const seccomp = await seccompOf(spec);
    if (layout.version === 1) {
      const { createV1 } = await import("./cgroup_v1.ts");
      made.push(...span("cgroup", () => createV1(layout.controllers, path, spec.linux?.resources)));
    } else {
      const { createV2 } = await import("./cgroup_v2.ts");
      made.push(span("cgroup", () => createV2(layout.root, path, spec.linux?.resources)));
      cgroupFd = call(
        "openat",
        made[0]!,
        -100,
        new TextEncoder().encode(made[0]! + "\0"),
        0o2200000,
        0,
      );
    }
    const { stdio } = options;
    const compiled = span("compile", () =>
      compile({
        ...facts,
        spec,
        rootfs: options.rootfs,
        stdio: [stdio.stdin, stdio.stdout, stdio.stderr],
        goFd: rendezvous.goFd,
        statusFd: rendezvous.statusFd,
        cgroups: layout.version === 1 ? made : [],
        cgroupMounts: layout.version === 1
          ? made.map((source) => ({ source, name: basename(source.slice(0, -path.length)) }))
          : [{ source: made[0]!, name: "" }],
        seccomp,
      }));
    const child = span("clone", () =>
      spawn(compiled.program, {
        flags: compiled.cloneFlags,
        ...cgroupFd === undefined ? {} : { cgroupFd },
      }));
    rendezvous.childStarted();
    if (compiled.waitsForMapping) {
      mapIds(child.pid, "gid_map", spec.linux?.gidMappings ?? []);
      mapIds(child.pid, "uid_map", spec.linux?.uidMappings ?? []);
      rendezvous.go();
    }
    return span("set up", () =>
      readyProcess({
        child,
        pid: child.pid,
        rendezvous,
        operation: "start",
        execs: compiled.execs,
        command: spec.process!.args[0]!,
        terminal: spec.process!.terminal === true,
        check: () => checkProtection(compiled, (ref) => child.result(ref)),
      }));
  } catch (error) {
    rendezvous.close();
    for (const directory of made.reverse()) rmdir(directory);
    throw error;
  } finally {
    if (cgroupFd !== undefined) call("close", "cgroup", cgroupFd);
  }
}

function basename(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** A path that exists must have been hidden or protected; the steps themselves tolerate failure. */
function checkProtection(
  compiled: Compiled,
  result: (ref: { readonly step: number }) => number,
): void {
  const absent = (value: number) => value === -ERRNO.ENOENT || value === -ERRNO.ENOTDIR;
  for (const { path, file, directory } of compiled.masks) {
    const [asFile, asDirectory] = [result(file), result(directory)];
    if (asFile < 0 && asDirectory < 0 && !(absent(asFile) && absent(asDirectory))) {
      throw protectionError("mask", path, asFile === -ERRNO.ENOTDIR ? asDirectory : asFile);
    }
  }
  for (const { path, bind, protect } of compiled.readonlys) {
    if (result(bind) === -ERRNO.ENOENT) continue;
    const failed = Math.min(result(bind), result(protect));
    if (failed < 0) throw protectionError("protect", path, failed);
  }
}

function protectionError(operation: string, subject: string, result: number): SyscallError {
  return new SyscallError({
    operation,
    subject,
    syscall: "mount",
    args: [JSON.stringify(subject)],
    errno: -result,
    errnoName: errnoName(-result),
  });
}

function mapIds(pid: number, file: "uid_map" | "gid_map", mappings: readonly OciIdMapping[]): void {
  const lines = mappings.map(({ containerID, hostID, size }) =>
    `${containerID} ${hostID} ${size}\n`
  );
  writeFile(`/proc/${pid}/${file}`, lines.join(""));
}
