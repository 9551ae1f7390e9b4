/**
 * Shows the syscall program of a container before it runs.
 *
 * @module
 */

import { CAPABILITIES } from "../linux/mod.ts";
import { explain, fileKind } from "../program/mod.ts";
import { checkedCgroupPath } from "./cgroup.ts";
import { compile } from "./compile.ts";
import { seccompOf } from "./create.ts";
import type { CreateOptions } from "./types.ts";

/** The program that `create` would run, in strace notation. Needs no privilege and changes nothing. */
export async function explainCreate(
  options: Pick<CreateOptions, "id" | "bundle" | "spec" | "rootfs">,
): Promise<string> {
  const { spec, bundle, id } = options;
  const rootPath = spec.root?.path ?? "rootfs";
  const sourceKinds = new Map<string, "directory" | "file">();
  for (const { destination, source, type } of spec.mounts ?? []) {
    if (type !== "bind") continue;
    const generated = source?.startsWith(bundle) === true;
    const kind = generated ? "file" : fileKind(source ?? "");
    sourceKinds.set(destination, kind === "directory" ? "directory" : "file");
  }
  const cgroup = checkedCgroupPath(spec.linux?.cgroupsPath ?? `/ctr/${id}`);
  const { program, cloneFlags } = compile({
    spec,
    rootfsPath: rootPath.startsWith("/") ? rootPath : `${bundle}/${rootPath}`,
    rootfs: options.rootfs,
    stdio: [0, 1, 2],
    goFd: 3,
    statusFd: 4,
    cgroups: [`/sys/fs/cgroup/memory${cgroup}`],
    cgroupMounts: [{ source: `/sys/fs/cgroup/memory${cgroup}`, name: "memory" }],
    seccomp: await seccompOf(spec),
    availableCapabilities: CAPABILITIES,
    sourceKinds,
  });
  const flags = `0x${cloneFlags.toString(16)}`;
  return `clone3({flags=${flags}|CLONE_VM|CLONE_PIDFD|CLONE_CLEAR_SIGHAND})\n${await explain(
    program,
  )}`;
}
