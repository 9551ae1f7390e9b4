/**
 * Containers as lists and as Docker's JSON.
 *
 * @module
 */

import type { TaskState } from "../shim/mod.ts";
import { type ContainerRecord, networksOf } from "../state/mod.ts";
import type { Engine } from "./engine.ts";
import { networkSettings, portsText } from "./network_settings.ts";
import { dataDir, logPath } from "./place.ts";
import { sweepContainers } from "./sweep.ts";
import { isActive, taskState } from "./task_state.ts";

/** A container and what its task does. */
export interface ContainerSummary {
  readonly record: ContainerRecord;
  readonly state: TaskState;
  /** Docker's word for it. */
  readonly status: "created" | "running" | "paused" | "exited" | "restarting";
  /** As Docker shows them. */
  readonly ports: string;
}

/** All containers, newest first. */
export async function listContainers(engine: Engine): Promise<ContainerSummary[]> {
  await sweepContainers(engine);
  const records = [...engine.state.containers.list()].sort((a, b) => b.createdAt - a.createdAt);
  return await Promise.all(records.map((record) => summary(engine, record)));
}

async function summary(engine: Engine, record: ContainerRecord): Promise<ContainerSummary> {
  const state = await taskState(engine, record);
  const { hostConfig: { networks }, config: { exposedPorts = [] } } = record;
  const ports = networks === undefined || !isActive(state)
    ? ""
    : portsText((await networksOf(engine.state)).ports(record.id), exposedPorts);
  return { record, state, status: state.status === "stopped" ? "exited" : state.status, ports };
}

/** What `docker inspect` prints for a container. */
export async function inspectContainer(
  engine: Engine,
  reference: string,
): Promise<Record<string, unknown>> {
  const record = engine.state.containers.resolve(reference, "inspect");
  const { state, status } = await summary(engine, record);
  const { config, hostConfig, id } = record;
  const [command, ...args] = [...config.entrypoint, ...config.cmd];
  return {
    Id: id,
    Created: time(record.createdAt),
    Path: command ?? "",
    Args: args,
    State: {
      Status: status,
      Running: status === "running" || status === "paused" || status === "restarting",
      Paused: status === "paused",
      Restarting: status === "restarting",
      OOMKilled: state.oomKilled,
      Dead: false,
      Pid: state.pid,
      ExitCode: state.exitCode,
      Error: state.error,
      StartedAt: time(state.startedAt),
      FinishedAt: time(state.finishedAt),
    },
    Image: record.imageId,
    ResolvConfPath: `${dataDir(engine.directories, id)}/resolv.conf`,
    HostnamePath: `${dataDir(engine.directories, id)}/hostname`,
    HostsPath: `${dataDir(engine.directories, id)}/hosts`,
    LogPath: (hostConfig.logConfig?.type ?? "json-file") === "json-file"
      ? logPath(engine.directories, id)
      : "",
    Name: `/${record.name}`,
    RestartCount: state.restartCount ?? 0,
    Driver: record.snapshotter,
    Platform: "linux",
    HostConfig: {
      Binds: hostConfig.binds.filter(({ type }) => type === "bind")
        .map(({ source, destination, readonly }) =>
          `${source}:${destination}${readonly ? ":ro" : ""}`
        ),
      LogConfig: {
        Type: hostConfig.logConfig?.type ?? "json-file",
        Config: hostConfig.logConfig?.config ?? {},
      },
      NetworkMode: hostConfig.networkMode,
      PublishAllPorts: hostConfig.publishAll ?? false,
      Dns: hostConfig.dns ?? [],
      DnsOptions: hostConfig.dnsOptions ?? [],
      DnsSearch: hostConfig.dnsSearch ?? [],
      ExtraHosts: hostConfig.extraHosts ?? null,
      RestartPolicy: {
        Name: hostConfig.restartPolicy?.policy ?? "no",
        MaximumRetryCount: hostConfig.restartPolicy?.maxRetries ?? 0,
      },
      AutoRemove: hostConfig.autoRemove,
      CapAdd: hostConfig.capAdd.length === 0 ? null : hostConfig.capAdd,
      CapDrop: hostConfig.capDrop.length === 0 ? null : hostConfig.capDrop,
      GroupAdd: hostConfig.groupAdd.length === 0 ? null : hostConfig.groupAdd,
      Privileged: hostConfig.privileged,
      Runtime: hostConfig.runtime?.name ?? "ctr",
      ReadonlyRootfs: hostConfig.readonlyRootfs,
      SecurityOpt: hostConfig.securityOpt.length === 0 ? null : hostConfig.securityOpt,
      ShmSize: hostConfig.shmBytes,
      Memory: hostConfig.memoryBytes,
      NanoCpus: hostConfig.nanoCpus,
      PidsLimit: hostConfig.pidsLimit === 0 ? null : hostConfig.pidsLimit,
      Ulimits: hostConfig.ulimits.map(({ name, soft, hard }) => ({
        Name: name,
        Soft: soft,
        Hard: hard,
      })),
      Init: hostConfig.init,
    },
    Mounts: hostConfig.binds.map((mount) => ({
      Type: mount.type,
      Source: mount.source,
      Destination: mount.destination,
      Mode: mount.options.join(","),
      RW: !mount.readonly,
      Propagation: mount.type === "bind" ? "rprivate" : "",
    })),
    Config: {
      Hostname: config.hostname,
      Domainname: "",
      User: config.user,
      AttachStdin: false,
      AttachStdout: true,
      AttachStderr: true,
      Tty: config.tty,
      OpenStdin: config.openStdin,
      StdinOnce: false,
      Env: config.env,
      Cmd: config.cmd,
      Image: record.image,
      WorkingDir: config.workingDir,
      Entrypoint: config.entrypoint.length === 0 ? null : config.entrypoint,
      Labels: config.labels,
      ...config.exposedPorts === undefined
        ? {}
        : { ExposedPorts: Object.fromEntries(config.exposedPorts.map((port) => [port, {}])) },
      StopSignal: config.stopSignal,
      StopTimeout: config.stopTimeoutSec,
    },
    NetworkSettings: await networkSettings(engine, record),
  };
}

function time(ms: number): string {
  return ms === 0 ? "0001-01-01T00:00:00Z" : new Date(ms).toISOString();
}
