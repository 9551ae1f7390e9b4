/**
 * Networks of containers, without `ip`, `nft` or `iptables`: the kernel is spoken to over netlink.
 *
 * A _network_ is what containers are connected to; an _endpoint_ is one container's attachment to
 * one. The rules for all of them are one table of nf_tables (`ruleset.ts`), in which networks and
 * published ports are elements. `types.ts` tells the life of an endpoint.
 *
 * This room is loaded when a container has a network of its own.
 *
 * @example
 * ```ts
 * const networks = openNetworks({ state, table: await networksOf(state), isAlive });
 * const allocation = await networks.allocate({ id, name, attachments: [{ network: "bridge" }], ports });
 * networks.connect(allocation, pid);
 * networks.release(id);
 * ```
 *
 * @module
 */

export {
  formatAddress,
  formatSubnet,
  parseAddress,
  parseMac,
  parseSubnet,
  type Subnet,
  tryParseAddress,
} from "./addresses.ts";
export { type CreateNetworkOptions, DEFAULT_NETWORK } from "./create.ts";
export {
  containerResolver,
  type HostsEntry,
  hostsFile,
  parseResolver,
  reachableResolver,
  type Resolver,
  resolverFile,
} from "./etc_files.ts";
export { type NetworksOptions, openNetworks } from "./networks.ts";
export { releaseContainer } from "./release.ts";
export type { Allocation, ContainerNetworks, Networks } from "./types.ts";
