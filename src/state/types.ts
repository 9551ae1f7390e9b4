/**
 * The metadata store's words. One SQLite database (WAL) under the data root; every multi-row change is
 * one transaction. Opened lazily, cheap to open (no migration check beyond `PRAGMA user_version`).
 *
 * @module
 */

/** Where everything lives. `data` survives a reboot, `exec` does not. */
export interface Directories {
  /** `/var/lib/ctr`, or `$XDG_DATA_HOME/ctr` for an ordinary user. */
  readonly data: string;
  /** `/run/ctr`, or `$XDG_RUNTIME_DIR/ctr`. */
  readonly exec: string;
}

/** An image: a canonical name that points to a descriptor (index or manifest). */
export interface ImageRecord {
  /** Canonical: `docker.io/library/alpine:latest`, or `NAME@sha256:…`. */
  readonly name: string;
  readonly target: { readonly mediaType: string; readonly digest: string; readonly size: number };
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** What an image's target is on one platform, so that a start reads and hashes nothing. */
export interface ImageVariant {
  /** Digest that an {@link ImageRecord} points to. */
  readonly target: string;
  /** `linux/amd64`, `linux/arm/v7`. */
  readonly platform: string;
  readonly manifest: string;
  /** The image ID: the config's digest. */
  readonly id: string;
  /** Name of the topmost committed snapshot. `""` for an image without layers. */
  readonly chainId: string;
  /** Bytes of config and layers as stored in the content store. */
  readonly size: number;
  /** The image configuration, JSON as in the blob. */
  readonly config: string;
}

/** What `docker inspect` calls Config, as resolved from flags and image. */
export interface ContainerConfig {
  readonly hostname: string;
  readonly user: string;
  readonly tty: boolean;
  readonly openStdin: boolean;
  readonly env: readonly string[];
  readonly cmd: readonly string[];
  readonly entrypoint: readonly string[];
  readonly workingDir: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly stopSignal: string;
  readonly stopTimeoutSec: number;
  /** `80/tcp`. */
  readonly exposedPorts?: readonly string[];
}

/** What `docker inspect` calls HostConfig: the part that the runtime spec is compiled from. */
export interface HostConfig {
  readonly autoRemove: boolean;
  /** `none`, `host`, `container:ID`, or the name of the first network in `networks`. */
  readonly networkMode: string;
  /** The networks that it is connected to. */
  readonly networks?: readonly NetworkAttachment[];
  readonly ports?: readonly PortBinding[];
  /** Publish what the image exposes, on ports that the machine chooses. */
  readonly publishAll?: boolean;
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly dnsOptions?: readonly string[];
  /** `NAME:ADDRESS`. */
  readonly extraHosts?: readonly string[];
  readonly privileged: boolean;
  readonly readonlyRootfs: boolean;
  readonly init: boolean;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly securityOpt: readonly string[];
  readonly binds: readonly MountPoint[];
  readonly memoryBytes: number;
  readonly nanoCpus: number;
  readonly pidsLimit: number;
  readonly ulimits: readonly {
    readonly name: string;
    readonly soft: number;
    readonly hard: number;
  }[];
  readonly groupAdd: readonly string[];
  readonly sysctl: Readonly<Record<string, string>>;
  readonly shmBytes: number;
  /** Absent: the built-in one. */
  readonly runtime?: ContainerRuntime;
  /** Absent: json-file, without options. */
  readonly logConfig?: LogConfig;
  /** Absent: it is not started again. */
  readonly restartPolicy?: RestartPolicy;
}

/** When a container that has ended is started again. */
export interface RestartPolicy {
  readonly policy: "always" | "unless-stopped" | "on-failure";
  /** Of `on-failure`; 0 is without end. */
  readonly maxRetries: number;
}

/** A log driver and its options, as a person names them. */
export interface LogConfig {
  readonly type: string;
  readonly config: Readonly<Record<string, string>>;
}

/** The OCI runtime of a container, when it is not the built-in one. */
export interface ContainerRuntime {
  /** As the person named it. */
  readonly name: string;
  /** Of its executable. */
  readonly path: string;
}

/** A `-v`/`--mount` entry. */
export interface MountPoint {
  readonly type: "bind" | "tmpfs";
  readonly source: string;
  readonly destination: string;
  readonly readonly: boolean;
  /** Further mount options: propagation, `rbind`, `size=…`, `mode=…`. */
  readonly options: readonly string[];
}

/** The record of a container: no process, that is the task's (`TaskState`). */
export interface ContainerRecord {
  /** 64 hex digits. */
  readonly id: string;
  readonly name: string;
  /** The reference as the person typed it. */
  readonly image: string;
  /** Config digest, `""` for `--rootfs`. */
  readonly imageId: string;
  readonly platform: string;
  readonly snapshotter: string;
  /** Key of the active snapshot, `""` for `--rootfs`. */
  readonly snapshotKey: string;
  readonly rootfs: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
  /** It was made to be started by who made it: if it was not, that was killed. */
  readonly startsAtOnce?: boolean;
}

/** A network that a container is connected to whenever it runs, and how. */
export interface NetworkAttachment {
  /** Its name or ID. */
  readonly network: string;
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly mac?: string;
  readonly aliases?: readonly string[];
}

/** A port to publish. */
export interface PortBinding {
  readonly protocol: PortRecord["protocol"];
  /** Empty: every address. */
  readonly hostAddress: string;
  /** The first of those that will do; 0: one that is free. */
  readonly hostPort: number;
  readonly lastHostPort: number;
  readonly port: number;
}

/** A network that containers are connected to. */
export interface NetworkRecord {
  /** 64 hex digits. */
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** At most one of each IP version. */
  readonly subnets: readonly NetworkSubnet[];
  /** Nothing leads out of it. */
  readonly internal: boolean;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** The link of this machine that it is, or begins with; empty where there is none. */
  readonly link: string;
}

/** The addresses of a network. */
export interface NetworkSubnet {
  /** `172.18.0.0/16`. */
  readonly subnet: string;
  readonly gateway: string;
  /** The part of it that containers get addresses of by themselves. */
  readonly ipRange?: string;
  /** Addresses that nobody gets, by name. */
  readonly auxAddresses?: Readonly<Record<string, string>>;
}

/** A running container's attachment to a network. */
export interface EndpointRecord {
  /** 64 hex digits. */
  readonly id: string;
  readonly network: string;
  readonly container: string;
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly mac: string;
  /** What the link is called in the container. */
  readonly link: string;
  /** What it is called by others of the network, its name first. */
  readonly names: readonly string[];
}

/** A port of this machine that leads to a running container. */
export interface PortRecord {
  readonly container: string;
  readonly network: string;
  readonly protocol: "tcp" | "udp" | "sctp";
  /** `0.0.0.0` or `::`: every address. */
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly address: string;
  readonly port: number;
}
