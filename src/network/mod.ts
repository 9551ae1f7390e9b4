/**
 * Networks of containers, without `ip`, `nft` or `iptables`: the kernel is spoken to over netlink.
 *
 * A _network_ is what containers are connected to; an _endpoint_ is one container's attachment to
 * one. The rules for all of them are one table of nf_tables (`ruleset.ts`), in which networks and
 * published ports are elements.
 *
 * @example
 * ```ts
 * formatSubnet(parseSubnet("172.17.5.9/16")); // "172.17.0.0/16"
 * ```
 *
 * @module
 */

export {
  formatAddress,
  formatSubnet,
  parseAddress,
  parseSubnet,
  type Subnet,
} from "./addresses.ts";
