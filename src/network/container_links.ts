/**
 * The inside of a container's network namespace: links, addresses, routes.
 *
 * @module
 */

import { AT, ERRNO, O } from "../linux/mod.ts";
import { close, type ProgramBuilder } from "../program/mod.ts";
import type { EndpointRecord, NetworkRecord } from "../state/mod.ts";
import { parseAddress, parseSubnet } from "./addresses.ts";
import type { Request } from "./netlink.ts";
import { deleteLink, getLink, linkOf, newAddress, newRoute, setLink } from "./rtnetlink.ts";
import { inNamespace, namespaceOf, NETLINK, type NetlinkSocket, socketIn } from "./socket.ts";

const LOOPBACK = 1;

/** An endpoint and its network. */
export interface Joined {
  readonly network: NetworkRecord;
  readonly endpoint: EndpointRecord;
}

/** Write parameters of the kernel that are the namespace's own, as far as it has them. */
export function setParameters(
  namespace: number,
  values: Readonly<Record<string, string>>,
): void {
  inNamespace(namespace, (p: ProgramBuilder) => {
    const mayFail = { mayFail: true };
    for (const [name, value] of Object.entries(values)) {
      const path = `/proc/sys/net/${name}`;
      const fd = p.step("openat", [AT.AT_FDCWD, path, O.O_WRONLY | O.O_CLOEXEC, 0], mayFail);
      p.step("write", [fd, value, value.length], mayFail);
      p.step("close", [fd], mayFail);
    }
  });
}

/** Before a link comes: it has nothing of IP version 6, and what others tell of routes is not heard. */
export function prepareNamespace(namespace: number): void {
  setParameters(namespace, {
    "ipv6/conf/default/disable_ipv6": "1",
    "ipv6/conf/default/accept_ra": "0",
  });
}

/** But for those whose network has it. */
export function enableVersion6(namespace: number, all: readonly Joined[]): void {
  const links = all.filter(({ endpoint }) => endpoint.ipv6 !== undefined);
  if (links.length === 0) return;
  setParameters(
    namespace,
    Object.fromEntries(links.map(({ endpoint }) => [
      `ipv6/conf/${endpoint.link}/disable_ipv6`,
      "0",
    ])),
  );
}

/** Remove a container's link; the other end goes with it. */
export function removeLink(pid: number, name: string): void {
  const about = { operation: "remove link", subject: name };
  const namespace = namespaceOf(pid);
  try {
    using route = socketIn(namespace, NETLINK.ROUTE);
    const found = route.get(getLink(name), about);
    if (found === undefined) return;
    route.ask([deleteLink(linkOf(found).index)], { ...about, fine: [ERRNO.ENODEV] });
  } finally {
    close(namespace);
  }
}

/**
 * Give links their addresses, and the namespace its routes.
 *
 * @param route a socket in the namespace
 * @param gatewayFrom the networks that may lead to everywhere, the first that does wins
 */
export function setUpLinks(
  route: NetlinkSocket,
  all: readonly Joined[],
  gatewayFrom: readonly Joined[] = all,
): void {
  const about = { operation: "set up container network", subject: all[0]?.network.name ?? "lo" };
  const requests: Request[] = [setLink(LOOPBACK, { up: true })];
  const indexes = new Map<string, number>();
  for (const { endpoint } of all) {
    const found = route.get(getLink(endpoint.link), about);
    if (found === undefined) throw new Error(`the container has no ${endpoint.link}`);
    const { index } = linkOf(found);
    indexes.set(endpoint.link, index);
    requests.push(setLink(index, { up: true }));
    for (const address of [endpoint.ipv4, endpoint.ipv6]) {
      if (address === undefined) continue;
      requests.push(newAddress(index, parseAddress(address), prefixOf(all, endpoint, address)));
    }
  }
  for (const family of [4, 6] as const) {
    const leads = gatewayFrom.find(({ network }) => gatewayOf(network, family) !== undefined);
    const link = leads && indexes.get(leads.endpoint.link);
    if (leads === undefined || link === undefined) continue;
    requests.push(newRoute({ family, gateway: gatewayOf(leads.network, family), link }));
  }
  route.ask(requests, { ...about, fine: [ERRNO.EEXIST] });
}

function prefixOf(all: readonly Joined[], endpoint: EndpointRecord, address: string): number {
  const { network } = all.find((one) => one.endpoint === endpoint)!;
  const v6 = address.includes(":");
  const found = network.subnets.find(({ subnet }) => subnet.includes(":") === v6);
  return parseSubnet(found!.subnet).prefix;
}

/** The way out of a network. */
function gatewayOf({ internal, subnets }: NetworkRecord, family: 4 | 6): Uint8Array | undefined {
  const found = subnets.find(({ subnet }) => subnet.includes(":") === (family === 6));
  return internal || found === undefined || found.gateway === ""
    ? undefined
    : parseAddress(found.gateway);
}
