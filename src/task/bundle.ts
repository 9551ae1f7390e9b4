/**
 * Writes a container's bundle: `config.json` and the files that it binds over the image's `/etc`.
 *
 * @module
 */

import { arch } from "../../ffi/mod.ts";
import { CtrError } from "../errors.ts";
import type { OciMount, OciRlimit, OciSeccomp, OciSpec } from "../oci/mod.ts";
import { close, ensureDirectory, exists, readText, writeFile } from "../program/mod.ts";
import {
  availableCapabilities,
  defaultSpec,
  type FileReader,
  initExecutable,
  layerReader,
  parseSecurityOptions,
  resolveGroup,
  resolveUser,
} from "../runtime/mod.ts";
import { type Mount, openLower } from "../snapshot/mod.ts";
import type { ContainerRecord } from "../state/mod.ts";

/** The bundle's `config.json`: every start reads it but the first. */
export function writeConfig(directory: string, spec: OciSpec): void {
  writeFile(`${directory}/config.json`, JSON.stringify(spec));
}

/**
 * Write the bundle, but for its `config.json`.
 *
 * @param directory where; it exists
 * @param mounts the root file system, to look users up in
 */
export async function writeBundle(
  directory: string,
  record: ContainerRecord,
  mounts: readonly Mount[],
  terminalSize?: { readonly width: number; readonly height: number },
): Promise<OciSpec> {
  const { config, hostConfig } = record;
  const [user, extraGids] = withImageFiles(record, mounts, (read) => [
    resolveUser(config.user, read),
    hostConfig.groupAdd.map((group) => resolveGroup(group, read)),
  ]);
  const args = [...config.entrypoint, ...config.cmd];
  const files = etcFiles(directory, record);
  const init: OciMount[] = [];
  if (hostConfig.init) {
    writeFile(`${directory}/init`, await initExecutable(), 0o755);
    args.unshift("/sbin/docker-init", "--");
    init.push(bind(`${directory}/init`, "/sbin/docker-init", ["ro"]));
  }
  const env = config.env.some((entry) => entry.startsWith("HOME="))
    ? config.env
    : [...config.env, `HOME=${user.home}`];
  const { seccomp } = parseSecurityOptions(hostConfig.securityOpt);
  if (record.rootfs === "") ensureDirectory(`${directory}/rootfs`, 0o755);
  const made = defaultSpec({
    args,
    env,
    cwd: config.workingDir,
    uid: user.uid,
    gid: user.gid,
    additionalGids: [...new Set([...user.additionalGids, ...extraGids])],
    hostname: config.hostname,
    terminal: config.tty,
    readonlyRootfs: hostConfig.readonlyRootfs,
    rootfs: record.rootfs === "" ? "rootfs" : record.rootfs,
    privileged: hostConfig.privileged,
    ...hostConfig.privileged ? { devices: (await import("./host_devices.ts")).hostDevices() } : {},
    capAdd: hostConfig.capAdd,
    capDrop: hostConfig.capDrop,
    securityOpt: hostConfig.securityOpt,
    ...seccomp === undefined || seccomp === "unconfined"
      ? {}
      : { seccompProfile: seccompFile(seccomp) },
    mounts: [...files, ...init, ...hostConfig.binds.map(userMount)],
    memoryBytes: hostConfig.memoryBytes,
    nanoCpus: hostConfig.nanoCpus,
    pidsLimit: hostConfig.pidsLimit,
    rlimits: hostConfig.ulimits.map(rlimit),
    network: hostConfig.networkMode === "host" ? "host" : "none",
    cgroupsPath: `/ctr/${record.id}`,
    arch,
    availableCapabilities: availableCapabilities(),
    sysctl: hostConfig.sysctl,
    shmBytes: hostConfig.shmBytes,
  });
  // crun before 1.9 refuses every other version than 1.0; nothing in it is newer.
  const spec: OciSpec = hostConfig.runtime === undefined ? made : { ...made, ociVersion: "1.0.2" };
  if (terminalSize === undefined) return spec;
  const { width, height } = terminalSize;
  return { ...spec, process: { ...spec.process!, consoleSize: { width, height } } };
}

/** Look for users and groups where a container's files come from; nothing is mounted for long. */
export function withImageFiles<T>(
  { rootfs }: Pick<ContainerRecord, "rootfs">,
  mounts: readonly Mount[],
  work: (read: FileReader) => T,
): T {
  if (rootfs !== "") return work(layerReader([rootfs]));
  const root = mounts.find(({ target }) => target === undefined || target === "/");
  const directories = root === undefined ? [] : layerDirectories(root);
  if (root?.lowers === undefined) return work(layerReader(directories));
  const opened: number[] = [];
  try {
    for (const lower of root.lowers) {
      if (lower.files === undefined) opened.push(openLower(lower));
      directories.push(lower.files ?? `/proc/self/fd/${opened.at(-1)}`);
    }
    return work(layerReader(directories));
  } finally {
    for (const fd of opened) close(fd);
  }
}

/** Directories to look for files in, topmost first, as the mount of a snapshot names them. */
function layerDirectories({ type, source, options }: Mount): string[] {
  if (type === "bind") return [source];
  const find = (prefix: string) =>
    options.filter((option) => option.startsWith(prefix))
      .map((option) => option.slice(prefix.length));
  return [...find("upperdir="), ...find("lowerdir+=")];
}

function etcFiles(directory: string, record: ContainerRecord): OciMount[] {
  const { hostname } = record.config;
  const { networkMode } = record.hostConfig;
  const names = ["hostname", "hosts", "resolv.conf"];
  if (networkMode.startsWith("container:")) {
    // What is true of the other one's network is true of this one's.
    const theirs = `${directory}/../${networkMode.slice("container:".length)}`;
    return names.map((name) => bind(`${theirs}/${name}`, `/etc/${name}`, []));
  }
  const hosts = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n" +
    `127.0.1.1\t${hostname}\n`;
  const resolv = networkMode === "host" && exists("/etc/resolv.conf")
    ? readText("/etc/resolv.conf")
    : "";
  writeFile(`${directory}/hostname`, hostname + "\n", 0o644);
  writeFile(`${directory}/hosts`, hosts, 0o644);
  writeFile(`${directory}/resolv.conf`, resolv, 0o644);
  return names.map((name) => bind(`${directory}/${name}`, `/etc/${name}`, []));
}

function bind(source: string, destination: string, options: readonly string[]): OciMount {
  return { destination, type: "bind", source, options: ["rbind", "rprivate", ...options] };
}

function userMount(mount: ContainerRecord["hostConfig"]["binds"][number]): OciMount {
  const readonly = mount.readonly ? ["ro"] : [];
  if (mount.type === "tmpfs") {
    return {
      destination: mount.destination,
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "nodev", "noexec", ...mount.options, ...readonly],
    };
  }
  const recursive = mount.options.includes("bind") ? [] : ["rbind"];
  const propagates = mount.options.some((option) => /^r?(private|shared|slave)$/.test(option));
  return {
    destination: mount.destination,
    type: "bind",
    source: mount.source,
    options: [...recursive, ...propagates ? [] : ["rprivate"], ...mount.options, ...readonly],
  };
}

function rlimit(limit: { name: string; soft: number; hard: number }): OciRlimit {
  return { type: `RLIMIT_${limit.name.toUpperCase()}`, soft: limit.soft, hard: limit.hard };
}

function seccompFile(path: string): OciSeccomp {
  try {
    return JSON.parse(readText(path)) as OciSeccomp;
  } catch (cause) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "read seccomp profile",
      subject: path,
      reason: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  }
}
