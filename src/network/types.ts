/**
 * What the networks of a store can do.
 *
 * A container that is about to start is given addresses and ports (`allocate`), which is a transaction
 * of the store. As soon as it has a process, whose network namespace is empty, that is connected
 * (`connect`), and only then the process may execute. When it has ended it is released. Its links need
 * no removal: they end with their namespace, and that with the last process in it. So whoever is
 * killed between any two of these leaves at most rows in the store and elements in the packet filter,
 * and whoever wants the same address or port finds out that their holder is gone.
 *
 * @module
 */

import type {
  EndpointRecord,
  NetworkAttachment,
  NetworkRecord,
  PortBinding,
  PortRecord,
} from "../state/mod.ts";
import type { CreateNetworkOptions } from "./create.ts";

/** A container, as far as networks are concerned. */
export interface ContainerNetworks {
  readonly id: string;
  readonly name: string;
  readonly attachments: readonly NetworkAttachment[];
  readonly ports: readonly PortBinding[];
}

/** What a container was given. */
export interface Allocation {
  readonly joined: readonly {
    readonly network: NetworkRecord;
    readonly endpoint: EndpointRecord;
  }[];
  readonly ports: readonly PortRecord[];
}

/** The networks of a store. */
export interface Networks {
  /**
   * Give a container addresses and ports. What it had before, it has no more.
   *
   * @param options.more it keeps what it has: it runs, and is to have one more network
   * @throws {CtrError} `not_found` for a network, `conflict` for an address or port in use
   */
  allocate(
    container: ContainerNetworks,
    options?: { readonly more?: boolean },
  ): Promise<Allocation>;
  /**
   * Connect the network namespace of a container's process.
   *
   * @throws {SyscallError} when the kernel refuses; the caller then ends the process and releases
   */
  connect(allocation: Allocation, pid: number): void;
  /** Take a container off one of its networks. @param pid one of its processes, if it runs */
  disconnect(container: string, network: NetworkRecord, pid: number | undefined): void;
  /** Take back what a container has; nothing is fine. Returns whether there was anything. */
  release(container: string): boolean;
  /** What a running container has. */
  allocationOf(container: string): Allocation;

  create(options: CreateNetworkOptions): NetworkRecord;
  /** The default one first, whether it is made or not yet. */
  list(): NetworkRecord[];
  /** @throws {CtrError} `not_found` */
  resolve(reference: string, operation: string): NetworkRecord;
  /** The endpoints of running containers. */
  endpoints(network: NetworkRecord): Promise<EndpointRecord[]>;
  /**
   * Remove a network, with its bridge.
   *
   * @throws {CtrError} `failed_precondition` when a running container is connected
   */
  remove(network: NetworkRecord): Promise<void>;
  /** Close sockets. */
  close(): void;
}
