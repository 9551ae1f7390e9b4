/**
 * Gives a container's cgroup to the user of its process, so that it can make cgroups below it.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#cgroup-ownership
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html#delegation
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { AT } from "../linux/mod.ts";
import type { OciSpec } from "../oci/mod.ts";
import { call, readTextIfExists, SYS } from "../program/mod.ts";
import { cgroupLayout, type CgroupPath, directoryIn } from "./cgroup.ts";
import { hostIdOf } from "./id_maps.ts";

/**
 * Do so for a container that sees its cgroup and no other, and may write to it. Version 2 only: the
 * other was not made for that.
 *
 * @throws {SyscallError} when this process may not
 */
export function giveCgroup(path: CgroupPath, spec: OciSpec): void {
  const layout = cgroupLayout();
  if (layout.version === 1) return;
  const { uidMappings = [], namespaces = [] } = spec.linux ?? {};
  const uid = spec.process?.user.uid ?? 0;
  const userns = namespaces.some(({ type }) => type === "user");
  const owner = userns ? hostIdOf(uid, uidMappings) : uid;
  const directory = directoryIn(layout.root, path);
  if (owner === undefined || directory === undefined) return;
  const cpath = (text: string) => new TextEncoder().encode(`${text}\0`);
  call("fchownat", directory, AT.AT_FDCWD, cpath(directory), owner, -1, 0);
  const files = readTextIfExists("/sys/kernel/cgroup/delegate")?.trim().split("\n") ??
    ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"];
  for (const file of files) {
    // Not every kernel that knows a file has it in every cgroup.
    sys(SYS.fchownat, AT.AT_FDCWD, cpath(`${directory}/${file}`), owner, -1, 0);
  }
}
