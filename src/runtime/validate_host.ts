/**
 * Refuses specs that make no sense on this host: the rules of runc that look at files.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { CtrError } from "../errors.ts";
import { AT, ERRNO, O, RESOLVE } from "../linux/mod.ts";
import type { OciNamespaceType, OciSpec } from "../oci/mod.ts";
import { close, exists, O_ARCH, open, openHow, SYS, syscallError } from "../program/mod.ts";
import { hostIdOf } from "./id_maps.ts";
import { refuse } from "./validate_rule.ts";

/** Files that are there when the kernel has a kind of namespace. */
const KINDS: readonly (readonly [type: OciNamespaceType, file: string, name: string])[] = [
  ["user", "/proc/self/ns/user", "USER"],
  ["cgroup", "/proc/self/ns/cgroup", "cgroup"],
  ["time", "/proc/self/timens_offsets", "time"],
];

/**
 * Look at a spec on this host.
 *
 * @param euid who asks
 * @throws {CtrError} `not_found` without a root file system, `invalid_argument` for what makes no sense
 */
export function validateHost(spec: OciSpec, bundle: string, euid: number = sys(SYS.geteuid)): void {
  if (euid !== 0) checkRootless(spec);
  checkRoot(bundle, spec.root!.path);
  const { namespaces = [], sysctl = {} } = spec.linux ?? {};
  for (const [type, file, name] of KINDS) {
    if (namespaces.some((namespace) => namespace.type === type) && !exists(file)) {
      throw refuse("linux.namespaces", `${name} namespaces aren't enabled in the kernel`);
    }
  }
  const path = namespaces.find(({ type }) => type === "network")?.path ?? "";
  const key = Object.keys(sysctl).find((key) => /^net[./]/.test(key));
  if (key !== undefined && path !== "" && fileId(path) === fileId("/proc/self/ns/net")) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "set sysctl",
      subject: key,
      reason: "not allowed in host network namespace",
    });
  }
}

/** Who is not root has no more than the ids of a user namespace to give. */
function checkRootless({ linux = {}, mounts = [] }: OciSpec): void {
  if (!linux.namespaces?.some(({ type }) => type === "user")) {
    throw refuse("linux.namespaces", "rootless container requires user namespaces");
  }
  const mappings = { uid: linux.uidMappings ?? [], gid: linux.gidMappings ?? [] };
  for (const { options = [] } of mounts) {
    for (const option of options) {
      const [, kind, id] = /^(uid|gid)=(\d+)$/.exec(option) ?? [];
      const known = mappings[kind as "uid" | "gid"] ?? [];
      if (known.length > 0 && hostIdOf(Number(id), known) === undefined) {
        const reason =
          `cannot specify ${option} mount option for unmapped ${kind} in rootless container`;
        throw refuse("mounts", reason);
      }
    }
  }
}

/** A link could lead elsewhere by the time that it is mounted. */
function checkRoot(bundle: string, path: string): void {
  const from = open(bundle, O.O_PATH | O_ARCH.O_DIRECTORY);
  const how = openHow(
    O.O_PATH | O_ARCH.O_DIRECTORY | O.O_CLOEXEC,
    RESOLVE.RESOLVE_NO_SYMLINKS,
  );
  const fd = sys(SYS.openat2, from, new TextEncoder().encode(`${path}\0`), how, how.length);
  close(from);
  if (fd >= 0) return close(fd);
  if (fd === -ERRNO.ELOOP) {
    throw refuse("root.path", `invalid rootfs: ${JSON.stringify(path)} is, or is below, a symlink`);
  }
  throw syscallError("openat2", [JSON.stringify(path)], -fd, {
    operation: "mount rootfs",
    subject: path.startsWith("/") ? path : `${bundle}/${path}`,
  });
}

/** The same for two paths if they lead to the same file. */
function fileId(path: string): string {
  const STATX_INO = 0x100;
  const buffer = new Uint8Array(256);
  const name = new TextEncoder().encode(`${path}\0`);
  const result = sys(SYS.statx, AT.AT_FDCWD, name, 0, STATX_INO, buffer);
  if (result < 0) {
    throw syscallError("statx", [JSON.stringify(path)], -result, {
      operation: "look at network namespace",
      subject: path,
    });
  }
  const view = new DataView(buffer.buffer);
  return [view.getBigUint64(32, true), view.getUint32(136, true), view.getUint32(140, true)].join();
}
