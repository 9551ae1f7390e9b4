/**
 * The networks of a container that is about to start. Loaded for those that have any.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciSpec } from "../oci/mod.ts";
import {
  type Allocation,
  containerResolver,
  type HostsEntry,
  hostsFile,
  parseResolver,
  reachableResolver,
  type Resolver,
  resolverFile,
} from "../network/mod.ts";
import { readText, readTextIfExists, writeFile } from "../program/mod.ts";
import type { ContainerRecord, PortBinding } from "../state/mod.ts";
import { span } from "../trace.ts";
import { writeConfig } from "./bundle.ts";
import type { Engine } from "./engine.ts";
import { dataDir } from "./place.ts";
import { isActive, taskState } from "./task_state.ts";

/** A container's networks, between their allocation and its start. */
export interface StartingNetwork {
  /** Connect its process, which has not executed yet. */
  connect(pid: number): void;
  /** It will not start. */
  release(): void;
}

/** Give a container what it needs of its networks, and write its files. */
export async function beginNetwork(
  engine: Engine,
  record: ContainerRecord,
): Promise<StartingNetwork> {
  const { id, name, hostConfig } = record;
  const { networkMode, networks: attachments = [] } = hostConfig;
  if (networkMode.startsWith("container:")) return await shareNetwork(engine, record);
  if (attachments.length === 0) {
    writeFiles(engine, record, undefined);
    return { connect: () => {}, release: () => {} };
  }
  const networks = await engine.networks();
  const allocation = await span(
    "allocate",
    () => networks.allocate({ id, name, attachments, ports: portsOf(record) }),
  );
  try {
    writeFiles(engine, record, allocation);
  } catch (error) {
    networks.release(id);
    throw error;
  }
  return {
    connect: (pid) => span("connect", () => networks.connect(allocation, pid)),
    release: () => void networks.release(id),
  };
}

/** What is to be published: what was asked for, and all that is exposed if that was asked for. */
function portsOf({ config, hostConfig }: ContainerRecord): PortBinding[] {
  const { ports = [], publishAll = false } = hostConfig;
  const exposed = publishAll ? config.exposedPorts ?? [] : [];
  return [
    ...ports,
    ...exposed.flatMap((text): PortBinding[] => {
      const [port, protocol] = text.split("/") as [string, PortBinding["protocol"]];
      const one = { protocol, hostAddress: "", hostPort: 0, lastHostPort: 0, port: Number(port) };
      const known = ports.some((other) => other.port === one.port && other.protocol === protocol);
      return known ? [] : [one];
    }),
  ];
}

/** Another container's network is known by that one's ID from now on. */
export function joinedNetwork(
  engine: Engine,
  { networkMode }: ContainerRecord["hostConfig"],
): Pick<ContainerRecord["hostConfig"], "networkMode"> {
  const prefix = "container:";
  const reference = networkMode.slice(prefix.length);
  const { id } = engine.state.containers.resolve(reference, "join network of container");
  return { networkMode: prefix + id };
}

/** The network namespace of another container, which must be running. */
async function shareNetwork(engine: Engine, record: ContainerRecord): Promise<StartingNetwork> {
  const target = engine.state.containers.resolve(
    record.hostConfig.networkMode.slice("container:".length),
    "join network of container",
  );
  const state = await taskState(engine, target);
  if (!isActive(state)) {
    throw new CtrError({
      code: "failed_precondition",
      operation: "join network of container",
      subject: target.name,
      reason: "it is not running",
    });
  }
  const directory = dataDir(engine.directories, record.id);
  const spec = JSON.parse(readText(`${directory}/config.json`)) as OciSpec;
  const namespaces = spec.linux?.namespaces?.map((one) =>
    one.type === "network" ? { ...one, path: `/proc/${state.pid}/ns/net` } : one
  );
  writeConfig(directory, { ...spec, linux: { ...spec.linux, namespaces: namespaces ?? [] } });
  return { connect: () => {}, release: () => {} };
}

function writeFiles(
  engine: Engine,
  { id, config: { hostname }, hostConfig }: ContainerRecord,
  allocation: Allocation | undefined,
): void {
  const directory = dataDir(engine.directories, id);
  const addresses = (allocation?.joined ?? []).flatMap(({ endpoint: { ipv4, ipv6 } }) =>
    [ipv4, ipv6].filter((address) => address !== undefined)
  );
  const own = addresses.map((address): HostsEntry => [address, hostname]);
  const [first] = allocation?.joined ?? [];
  const gateway = first?.network.subnets[0]?.gateway;
  const extra = (hostConfig.extraHosts ?? []).map((text): HostsEntry => {
    const colon = text.indexOf(":");
    const address = text.slice(colon + 1);
    return [address === "host-gateway" ? gateway || "127.0.0.1" : address, text.slice(0, colon)];
  });
  const alone = allocation === undefined ? [["127.0.1.1", hostname] as const] : [];
  writeFile(`${directory}/hosts`, hostsFile([...extra, ...alone, ...own]), 0o644);
  const { networkMode } = hostConfig;
  const host = networkMode === "none" ? NOTHING : hostResolver(networkMode !== "host");
  writeFile(
    `${directory}/resolv.conf`,
    resolverFile(containerResolver(host, hostConfig)),
    0o644,
  );
}

const NOTHING: Resolver = { nameservers: [], search: [], options: [] };

/** This machine's resolver, or with `reachable` the one behind it, should it be one of its own. */
function hostResolver(reachable: boolean): Resolver {
  const resolver = parseResolver(readTextIfExists("/etc/resolv.conf") ?? "");
  if (!reachable) return resolver;
  const stub = resolver.nameservers.length > 0 &&
    resolver.nameservers.every((address) => address.startsWith("127.0.0.5"));
  const behind = stub ? readTextIfExists("/run/systemd/resolve/resolv.conf") : undefined;
  return reachableResolver(behind === undefined ? resolver : parseResolver(behind));
}
