/**
 * What a spec makes it necessary to know of the host. Only what it names is looked at.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { CAPABILITIES, mapsAllIds, S } from "../linux/mod.ts";
import { sys } from "../../ffi/mod.ts";
import { call, exists, fileKind, readText, readTextIfExists, SYS } from "../program/mod.ts";
import type { OciSpec } from "../oci/mod.ts";
import type { HostFacts } from "./compile_types.ts";
import type { Labelling } from "./proc_steps.ts";
import type { CreateOptions } from "./types.ts";

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

/** What a process of this spec may have: all there are in a user namespace, whatever this one has. */
export function capabilitiesIn({ linux }: OciSpec): readonly string[] {
  const inside = linux?.namespaces?.some(({ type }) => type === "user") === true;
  return inside ? CAPABILITIES : availableCapabilities();
}

/**
 * Look it all up.
 *
 * @throws {CtrError} `not_found` when the source of a bind mount does not exist
 */
export function factsOf(
  options: Pick<CreateOptions, "spec" | "bundle" | "stdio" | "noPivot"> & {
    readonly assume?: boolean;
  },
): HostFacts {
  const { spec, bundle } = options;
  const rootPath = spec.root?.path ?? "rootfs";
  const rootfsPath = rootPath.startsWith("/") ? rootPath : `${bundle}/${rootPath}`;
  const available = availableCapabilities();
  const onHost = mapsAllIds(readText("/proc/self/uid_map"));
  const { linux = {}, process } = spec;
  return {
    rootfsPath,
    sourceKinds: sourceKinds(spec, bundle, options.assume === true),
    maskKinds: maskKinds(linux.maskedPaths ?? []),
    ownStdio: process === undefined || (process.user.uid === 0 && linux.uidMappings === undefined)
      ? []
      : stdioToOwn(options.stdio),
    availableCapabilities: capabilitiesIn(spec),
    makesDevices: available.includes("CAP_MKNOD") && onHost,
    labelling: process?.apparmorProfile || process?.selinuxLabel || linux.mountLabel
      ? labelling()
      : new Set(),
    kcore: exists("/proc/kcore"),
    // With these words all mounts, and with it the rootfs's, are separate from the host's anyway.
    parentMount: /^(rprivate|rslave|r?unbindable|)$/.test(linux.rootfsPropagation ?? "")
      ? undefined
      : mountOf(rootfsPath, readText("/proc/self/mountinfo")),
    kernelMounts: options.noPivot
      ? kernelMounts(rootfsPath, readText("/proc/self/mountinfo"))
      : undefined,
    // An unprivileged user who maps one group only must give up setgroups(2) for it.
    setGroups: (onHost || readText("/proc/self/setgroups").trim() === "allow") &&
      (available.includes("CAP_SETGID") || (linux.gidMappings ?? []).some(({ size }) => size > 1)),
  };
}

function sourceKinds(
  { mounts = [] }: OciSpec,
  bundle: string,
  assume: boolean,
): Map<string, "directory" | "file"> {
  const kinds = new Map<string, "directory" | "file">();
  for (const { type, options, source = "", destination } of mounts) {
    const bind = type === "bind" ||
      options?.some((option) => option === "bind" || option === "rbind");
    if (!bind) continue;
    const path = source.startsWith("/") ? source : `${bundle}/${source}`;
    const kind = fileKind(path);
    if (kind === undefined && !assume) {
      throw new CtrError({
        code: "not_found",
        operation: "mount",
        subject: destination,
        reason: `bind source path does not exist: ${source}: no such file or directory`,
      });
    }
    kinds.set(destination, kind === "directory" ? "directory" : "file");
  }
  return kinds;
}

/** The container's `/proc` and `/sys` have what the host's have, as far as these paths go. */
function maskKinds(paths: readonly string[]): Map<string, "directory" | "file"> {
  const kinds = new Map<string, "directory" | "file">();
  for (const path of paths) {
    if (!/^\/(proc|sys)\//.test(path)) continue;
    const kind = fileKind(path);
    if (kind !== undefined) kinds.set(path, kind === "directory" ? "directory" : "file");
  }
  return kinds;
}

/** Pipes, sockets and terminals, but not files of the host such as `/dev/null`. */
export function stdioToOwn({ stdin, stdout, stderr }: CreateOptions["stdio"]): number[] {
  return [stdin, stdout, stderr].flatMap((fd, target) => {
    const STATX_TYPE = 1;
    const AT_EMPTY_PATH = 0x1000;
    const buffer = new Uint8Array(256);
    if (sys(SYS.statx, fd, new Uint8Array(1), AT_EMPTY_PATH, STATX_TYPE, buffer) < 0) return [];
    const view = new DataView(buffer.buffer);
    const type = view.getUint16(28, true) & S.S_IFMT;
    const PTY_SLAVE = 136;
    const terminal = type === S.S_IFCHR && view.getUint32(128, true) === PTY_SLAVE;
    return type === S.S_IFIFO || type === S.S_IFSOCK || terminal ? [target] : [];
  });
}

/** The security modules of this host that label processes. */
export function labelling(): Set<Labelling> {
  const found = new Set<Labelling>();
  if (readTextIfExists("/sys/module/apparmor/parameters/enabled")?.startsWith("Y")) {
    found.add("apparmor");
  }
  if (exists("/sys/fs/selinux/enforce")) found.add("selinux");
  return found;
}

/** The mount point that a path is below, from the text of `/proc/self/mountinfo`. */
export function mountOf(path: string, mountinfo: string): string {
  let found = "/";
  for (const line of mountinfo.split("\n")) {
    const place = unescaped(line.split(" ", 5)[4]);
    if (isWithin(path, place) && place.length >= found.length) found = place;
  }
  return found;
}

/** Where whole procfs and sysfs are mounted outside of a directory, the later first. */
export function kernelMounts(rootfs: string, mountinfo: string): string[] {
  return mountinfo.split("\n").flatMap((line) => {
    if (!/ - (proc|sysfs) /.test(line)) return [];
    const [, , , root, place] = line.split(" ", 5);
    return root === "/" && !isWithin(unescaped(place), rootfs) ? [unescaped(place)] : [];
  }).reverse();
}

function unescaped(text = ""): string {
  return text.replace(
    /\\([0-7]{3})/g,
    (_, octal: string) => String.fromCharCode(parseInt(octal, 8)),
  );
}

function isWithin(path: string, place: string): boolean {
  return path === place || path.startsWith(place === "/" ? "/" : `${place}/`);
}
