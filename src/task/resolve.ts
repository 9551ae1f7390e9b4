/**
 * Options and image configuration become one configuration, by Docker's rules. Pure.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { Image } from "../image/mod.ts";
import { parseSignal } from "../linux/mod.ts";
import type { ContainerConfig, HostConfig } from "../state/mod.ts";
import type { ContainerOptions } from "./types.ts";

const DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What `docker inspect` shows as Config. */
export function containerConfig(
  options: ContainerOptions,
  image: Image | undefined,
  id: string,
): ContainerConfig {
  const from = image?.config.config;
  let entrypoint = options.entrypoint ?? from?.Entrypoint ?? [];
  if (entrypoint.length === 1 && entrypoint[0] === "") entrypoint = [];
  // Docker: a new entrypoint makes the image's command meaningless.
  const cmd = options.command !== undefined && options.command.length > 0
    ? options.command
    : options.entrypoint !== undefined
    ? []
    : from?.Cmd ?? [];
  if (entrypoint.length + cmd.length === 0) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "create container",
      subject: options.image,
      reason: "no command specified, and the image has none",
    });
  }
  const stopSignal = options.stopSignal ?? from?.StopSignal ?? "SIGTERM";
  if (parseSignal(stopSignal) === undefined) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "create container",
      subject: stopSignal,
      reason: "there is no such signal",
    });
  }
  const hostname = options.hostname ?? id.slice(0, 12);
  return {
    hostname,
    user: options.user ?? from?.User ?? "",
    tty: options.tty ?? false,
    openStdin: options.openStdin ?? false,
    env: environment([
      DEFAULT_PATH,
      `HOSTNAME=${hostname}`,
      ...options.tty ? ["TERM=xterm"] : [],
      ...from?.Env ?? [],
      ...options.env ?? [],
    ]),
    cmd: [...cmd],
    entrypoint: [...entrypoint],
    workingDir: workingDir(options.workingDir ?? from?.WorkingDir ?? ""),
    labels: { ...from?.Labels, ...options.labels },
    stopSignal,
    stopTimeoutSec: options.stopTimeoutSec ?? 10,
    ...exposedPorts(options, image),
  };
}

function exposedPorts(
  { exposed = [] }: ContainerOptions,
  image: Image | undefined,
): Pick<ContainerConfig, "exposedPorts"> {
  const ports = [...Object.keys(image?.config.config?.ExposedPorts ?? {}), ...exposed]
    .map((port) => port.includes("/") ? port : `${port}/tcp`);
  return ports.length === 0 ? {} : { exposedPorts: [...new Set(ports)] };
}

/** Later values win, at the place of the first. */
export function environment(entries: readonly string[]): string[] {
  const byName = new Map<string, string>();
  for (const entry of entries) {
    const name = entry.split("=", 1)[0]!;
    byName.set(name, entry);
  }
  return [...byName.values()];
}

function workingDir(path: string): string {
  if (path === "") return "/";
  if (path.startsWith("/")) return path;
  throw new CtrError({
    code: "invalid_argument",
    operation: "create container",
    subject: path,
    reason: "the working directory must be an absolute path",
  });
}

/** What `docker inspect` shows as HostConfig. */
export function hostConfig(options: ContainerOptions): HostConfig {
  checkMemory(options.memoryBytes ?? 0);
  return {
    autoRemove: options.autoRemove ?? false,
    networkMode: options.networks?.[0]?.network ?? options.network ?? "none",
    ...given("networks", options.networks),
    ...given("ports", options.ports),
    ...options.publishAll ? { publishAll: true } : {},
    ...given("dns", options.dns),
    ...given("dnsSearch", options.dnsSearch),
    ...given("dnsOptions", options.dnsOptions),
    ...given("extraHosts", options.extraHosts),
    privileged: options.privileged ?? false,
    readonlyRootfs: options.readonlyRootfs ?? false,
    init: options.init ?? false,
    capAdd: options.capAdd ?? [],
    capDrop: options.capDrop ?? [],
    securityOpt: options.securityOpt ?? [],
    binds: options.mounts ?? [],
    memoryBytes: options.memoryBytes ?? 0,
    nanoCpus: options.nanoCpus ?? 0,
    pidsLimit: options.pidsLimit ?? 0,
    ulimits: options.ulimits ?? [],
    groupAdd: options.groupAdd ?? [],
    sysctl: options.sysctl ?? {},
    shmBytes: options.shmBytes ?? 64 << 20,
  };
}

function given<K extends keyof HostConfig>(
  key: K,
  value: HostConfig[K] | undefined,
): Partial<HostConfig> {
  return value === undefined ? {} : { [key]: value };
}

/** As in Docker. With less, the kernel ends whoever sets the container up. */
function checkMemory(bytes: number): void {
  const MIN_MIB = 6;
  if (bytes === 0 || bytes >= MIN_MIB << 20) return;
  throw new CtrError({
    code: "invalid_argument",
    operation: "limit memory",
    subject: `${bytes} bytes`,
    reason: `minimum memory limit allowed is ${MIN_MIB}MB`,
  });
}
