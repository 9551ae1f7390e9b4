/**
 * Networks that are a bridge of this machine, in the kernel.
 *
 * @module
 */

import { ERRNO, O } from "../linux/mod.ts";
import { close, open, readTextIfExists, writeAll } from "../program/mod.ts";
import type { EndpointRecord, NetworkRecord } from "../state/mod.ts";
import { formatMac, parseAddress, parseMac, parseSubnet } from "./addresses.ts";
import { macFor } from "./ipam.ts";
import {
  deleteLink,
  getLink,
  linkOf,
  newAddress,
  newLink,
  newVeth,
  setBridgePort,
  setLink,
} from "./rtnetlink.ts";
import type { NetlinkSocket } from "./socket.ts";

/** The MTU that a network is to have. */
export function mtuOf({ options }: NetworkRecord): number | undefined {
  const text = options["com.docker.network.driver.mtu"];
  return text === undefined ? undefined : Number(text);
}

/** The index of a link, or undefined. */
export function linkIndex(route: NetlinkSocket, name: string): number | undefined {
  const found = route.get(getLink(name), { operation: "find link", subject: name });
  return found === undefined ? undefined : linkOf(found).index;
}

/** The bridge of a network, made if need be. Returns its index. */
export function ensureBridge(route: NetlinkSocket, network: NetworkRecord): number {
  return linkIndex(route, network.link) ?? makeBridge(route, network);
}

function makeBridge(route: NetlinkSocket, network: NetworkRecord): number {
  const { link: name, subnets } = network;
  const about = { operation: "create bridge", subject: name };
  const fine = [ERRNO.EEXIST]; // somebody else makes it, too
  const v4 = subnets.find(({ subnet }) => !subnet.includes(":"));
  const v6 = subnets.find(({ subnet }) => subnet.includes(":"));
  const mac = parseMac(macFor({
    ...v4 === undefined ? {} : { ipv4: v4.gateway },
    ...v6 === undefined ? {} : { ipv6: v6.gateway },
  }));
  route.ask([newLink({ name, mac, mtu: mtuOf(network) }, "bridge")], { ...about, fine });
  const index = linkIndex(route, name);
  if (index === undefined) throw new Error(`${name} is gone`);
  const conf = (version: 4 | 6, key: string) => `/proc/sys/net/ipv${version}/conf/${name}/${key}`;
  if (v6 === undefined) setParameter(conf(6, "disable_ipv6"), "1");
  else {
    // Neighbours must not tell this machine where to send its packets (CVE-2020-13401).
    setParameter(conf(6, "accept_ra"), "0");
    forwardVersion6();
  }
  // Else nothing leaves 127.0.0.1, not even towards a published port; see the chain "guard".
  setParameter(conf(4, "route_localnet"), "1");
  setParameter("/proc/sys/net/ipv4/ip_forward", "1");
  route.ask([
    ...subnets.filter(({ gateway }) => gateway !== "").map(({ subnet, gateway }) =>
      newAddress(index, parseAddress(gateway), parseSubnet(subnet).prefix)
    ),
    setLink(index, { up: true }),
  ], { ...about, fine });
  return index;
}

/** Who forwards no longer hears of routes; what has heard of its own so far goes on to. */
function forwardVersion6(): void {
  const all = "/proc/sys/net/ipv6/conf";
  if (readTextIfExists(`${all}/all/forwarding`)?.trim() !== "0") return;
  const { readdirSync } = process.getBuiltinModule("node:fs");
  for (const link of readdirSync(all)) {
    const path = `${all}/${link}/accept_ra`;
    if (readTextIfExists(path)?.trim() === "1") setParameter(path, "2");
  }
  setParameter(`${all}/all/forwarding`, "1");
}

/** Set a parameter of the kernel, if it has that one. */
export function setParameter(path: string, value: string): void {
  const now = readTextIfExists(path);
  if (now === undefined || now.trim() === value) return;
  const fd = open(path, O.O_WRONLY);
  try {
    writeAll(fd, new TextEncoder().encode(value), path);
  } finally {
    close(fd);
  }
}

/** A container's link to a bridge, up at both ends. */
export function connectToBridge(
  route: NetlinkSocket,
  { network, endpoint, namespaceFd, publishes }: {
    readonly network: NetworkRecord;
    readonly endpoint: EndpointRecord;
    readonly namespaceFd: number;
    /** It has ports, by which it may reach itself. */
    readonly publishes: boolean;
  },
): void {
  const about = { operation: "connect to network", subject: network.name };
  const master = ensureBridge(route, network);
  const name = `veth${randomHex(7)}`;
  const mtu = mtuOf(network);
  route.ask([
    newVeth({ name, up: true, mtu, master }, {
      name: endpoint.link, // it cannot be up before there is another end
      mtu,
      mac: parseMac(endpoint.mac),
      namespaceFd,
    }),
  ], about);
  const isolated = network.options["com.docker.network.bridge.enable_icc"] === "false";
  if (!isolated && !publishes) return;
  const index = linkIndex(route, name);
  if (index === undefined) return; // its namespace is gone, and so is the container
  route.ask([setBridgePort(index, { isolated, hairpin: publishes })], about);
}

/** Remove the bridge of a network, if it is there. */
export function removeBridge(route: NetlinkSocket, { link }: NetworkRecord): void {
  const index = linkIndex(route, link);
  if (index === undefined) return;
  route.ask([deleteLink(index)], {
    operation: "remove bridge",
    subject: link,
    fine: [ERRNO.ENODEV],
  });
}

function randomHex(digits: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(6));
  return formatMac(bytes).replaceAll(":", "").slice(0, digits);
}
