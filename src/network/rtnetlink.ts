/**
 * Messages of rtnetlink: links, addresses, routes, neighbours. Pure.
 *
 * @see https://man7.org/linux/man-pages/man7/rtnetlink.7.html
 * @module
 */

import {
  type Attribute,
  attributeMap,
  encodeAttributes,
  joined,
  nested,
  numberOf,
  text,
  textOf,
  u16,
  u32,
  u8,
} from "./attributes.ts";
import { type Message, NLM_F, type Request } from "./netlink.ts";
import { AF, type Subnet } from "./addresses.ts";

export const RTM = {
  NEWLINK: 16,
  DELLINK: 17,
  GETLINK: 18,
  NEWADDR: 20,
  DELADDR: 21,
  GETADDR: 22,
  NEWROUTE: 24,
  DELROUTE: 25,
  GETROUTE: 26,
  NEWNEIGH: 28,
  DELNEIGH: 29,
} as const;

export const IFLA = {
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  LINK: 5,
  MASTER: 10,
  LINKINFO: 18,
  NET_NS_FD: 28,
  EXT_MASK: 29,
} as const;

const INFO = { KIND: 1, DATA: 2, SLAVE_KIND: 4, SLAVE_DATA: 5 } as const;
const IFA = { ADDRESS: 1, LOCAL: 2, BROADCAST: 4, FLAGS: 8 } as const;
const IFA_F_NODAD = 2;
const RTA = { DST: 1, OIF: 4, GATEWAY: 5, PRIORITY: 6, TABLE: 15 } as const;
const NDA = { DST: 1, LLADDR: 2 } as const;
const IFF_UP = 1;
const VETH_INFO_PEER = 1;
const RT_TABLE_MAIN = 254;
const RTPROT_BOOT = 3;
const [RT_SCOPE_UNIVERSE, RT_SCOPE_LINK] = [0, 253];
const RTN_UNICAST = 1;
const NUD_PERMANENT = 0x80;

const MAKE = NLM_F.ACK | NLM_F.CREATE | NLM_F.EXCL;

/** `struct ifinfomsg`. */
function linkHeader(index: number, { up }: { readonly up?: boolean | undefined } = {}): Uint8Array {
  const flags = up === true ? IFF_UP : 0;
  return joined([u32(0), u32(index), u32(flags), u32(up === undefined ? 0 : IFF_UP)]);
}

/** What a link is to be. */
export interface NewLink {
  readonly name: string;
  readonly up?: boolean;
  readonly mtu?: number | undefined;
  readonly mac?: Uint8Array | undefined;
  /** The index of the bridge that it is a port of. */
  readonly master?: number | undefined;
  /** The index of the link that it is made on. */
  readonly link?: number | undefined;
  /** Where it is to be, if not here. */
  readonly namespaceFd?: number | undefined;
}

function linkAttributes(link: NewLink): Attribute[] {
  const { mtu, mac, master, namespaceFd } = link;
  return [
    [IFLA.IFNAME, text(link.name)],
    ...mtu === undefined ? [] : [[IFLA.MTU, u32(mtu)] as const],
    ...mac === undefined ? [] : [[IFLA.ADDRESS, mac] as const],
    ...link.link === undefined ? [] : [[IFLA.LINK, u32(link.link)] as const],
    ...master === undefined ? [] : [[IFLA.MASTER, u32(master)] as const],
    ...namespaceFd === undefined ? [] : [[IFLA.NET_NS_FD, u32(namespaceFd)] as const],
  ];
}

/** Make a link of a kind: `bridge`, `macvlan`, `vxlan`. */
export function newLink(
  link: NewLink,
  kind: string,
  data: readonly Attribute[] = [],
): Request {
  return {
    type: RTM.NEWLINK,
    flags: MAKE,
    fixed: linkHeader(0, { up: link.up }),
    attributes: [
      ...linkAttributes(link),
      nested(IFLA.LINKINFO, [
        [INFO.KIND, text(kind)],
        ...data.length === 0 ? [] : [nested(INFO.DATA, data)],
      ]),
    ],
  };
}

/** Make a pair of links. */
export function newVeth(link: NewLink, peer: NewLink): Request {
  const described = joined([
    linkHeader(0, { up: peer.up }),
    encodeAttributes(linkAttributes(peer)),
  ]);
  return newLink(link, "veth", [[VETH_INFO_PEER, described]]);
}

/** Change a link: up or down, its MTU, its master. */
export function setLink(index: number, change: Partial<NewLink>): Request {
  const { name, up, ...rest } = change;
  const attributes = linkAttributes({ name: name ?? "", ...rest });
  return {
    type: RTM.NEWLINK,
    flags: NLM_F.ACK,
    fixed: linkHeader(index, { up }),
    attributes: name === undefined ? attributes.slice(1) : attributes,
  };
}

/**
 * How a port of a bridge is to be: `isolated` from other such ports, or a `hairpin`, that gets back
 * what came from it.
 */
export function setBridgePort(
  index: number,
  { isolated, hairpin }: { readonly isolated: boolean; readonly hairpin: boolean },
): Request {
  const [IFLA_BRPORT_MODE, IFLA_BRPORT_ISOLATED] = [4, 33];
  return {
    type: RTM.NEWLINK,
    flags: NLM_F.ACK,
    fixed: linkHeader(index),
    attributes: [nested(IFLA.LINKINFO, [
      [INFO.SLAVE_KIND, text("bridge")],
      nested(INFO.SLAVE_DATA, [
        [IFLA_BRPORT_MODE, u8(Number(hairpin))],
        [IFLA_BRPORT_ISOLATED, u8(Number(isolated))],
      ]),
    ])],
  };
}

export function deleteLink(index: number): Request {
  return { type: RTM.DELLINK, flags: NLM_F.ACK, fixed: linkHeader(index) };
}

/** One link by its name, or all. */
export function getLink(name?: string): Request {
  const RTEXT_FILTER_SKIP_STATS = 8;
  return {
    type: RTM.GETLINK,
    flags: name === undefined ? NLM_F.DUMP : 0,
    fixed: linkHeader(0),
    attributes: [
      ...name === undefined ? [] : [[IFLA.IFNAME, text(name)] as const],
      [IFLA.EXT_MASK, u32(RTEXT_FILTER_SKIP_STATS)],
    ],
  };
}

/** A link that there is. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly up: boolean;
  readonly mtu: number;
  readonly mac: Uint8Array;
  readonly kind: string;
  /** The index of its bridge, or 0. */
  readonly master: number;
}

/** What the kernel says of a link. */
export function linkOf({ body }: Message): Link {
  const attributes = attributeMap(body.subarray(16));
  const info = attributeMap(attributes.get(IFLA.LINKINFO) ?? new Uint8Array());
  return {
    index: numberOf(body.subarray(4)),
    name: textOf(attributes.get(IFLA.IFNAME)),
    up: (numberOf(body.subarray(8)) & IFF_UP) !== 0,
    mtu: numberOf(attributes.get(IFLA.MTU)),
    mac: attributes.get(IFLA.ADDRESS)?.slice() ?? new Uint8Array(),
    kind: textOf(info.get(INFO.KIND)),
    master: numberOf(attributes.get(IFLA.MASTER)),
  };
}

/** Give a link an address; it is used at once, nobody is asked whether he has it. */
export function newAddress(index: number, address: Uint8Array, prefix: number): Request {
  const v6 = address.length === 16;
  const fixed = new Uint8Array([v6 ? AF.INET6 : AF.INET, prefix, 0, RT_SCOPE_UNIVERSE]);
  const broadcast = new Uint8Array(4).map((_, at) => {
    const bits = Math.min(8, Math.max(0, prefix - 8 * at));
    return address[at]! | 0xff >> bits;
  });
  return {
    type: RTM.NEWADDR,
    flags: MAKE,
    fixed: joined([fixed, u32(index)]),
    attributes: [
      [IFA.LOCAL, address],
      [IFA.ADDRESS, address],
      ...v6 ? [[IFA.FLAGS, u32(IFA_F_NODAD)] as const] : [],
      ...v6 || prefix > 30 ? [] : [[IFA.BROADCAST, broadcast] as const],
    ],
  };
}

/** A route: to a subnet, or with an empty destination everywhere. */
export interface NewRoute {
  readonly family: 4 | 6;
  readonly to?: Subnet | undefined;
  readonly gateway?: Uint8Array | undefined;
  readonly link: number;
  readonly metric?: number | undefined;
}

export function newRoute({ family, to, gateway, link, metric }: NewRoute): Request {
  const fixed = new Uint8Array(12);
  fixed.set([family === 6 ? AF.INET6 : AF.INET, to?.prefix ?? 0]);
  fixed.set([
    RT_TABLE_MAIN,
    RTPROT_BOOT,
    gateway === undefined ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
    RTN_UNICAST,
  ], 4);
  return {
    type: RTM.NEWROUTE,
    flags: MAKE,
    fixed,
    attributes: [
      ...to === undefined ? [] : [[RTA.DST, to.bytes] as const],
      ...gateway === undefined ? [] : [[RTA.GATEWAY, gateway] as const],
      [RTA.OIF, u32(link)],
      ...metric === undefined ? [] : [[RTA.PRIORITY, u32(metric)] as const],
    ],
  };
}

/** All routes of the machine. */
export function getRoutes(): Request {
  return { type: RTM.GETROUTE, flags: NLM_F.DUMP, fixed: new Uint8Array(12) };
}

/** Where a route leads, unless it is everywhere or not of the main table. */
export function destinationOf({ body }: Message): Subnet | undefined {
  const attributes = attributeMap(body.subarray(12));
  const table = numberOf(attributes.get(RTA.TABLE)) || body[4]!;
  const bytes = attributes.get(RTA.DST)?.slice();
  if (table !== RT_TABLE_MAIN || bytes === undefined || body[7] !== RTN_UNICAST) return undefined;
  return { family: bytes.length === 16 ? 6 : 4, bytes, prefix: body[1]! };
}

/** Where a neighbour is found: no question is asked, and none answered. */
export function newNeighbour(
  index: number,
  address: Uint8Array,
  mac: Uint8Array,
): Request {
  const family = address.length === 16 ? AF.INET6 : AF.INET;
  return {
    type: RTM.NEWNEIGH,
    flags: NLM_F.ACK | NLM_F.CREATE | NLM_F.REPLACE,
    fixed: joined([u16(family), u16(0), u32(index), u16(NUD_PERMANENT), new Uint8Array(2)]),
    attributes: [[NDA.DST, address], [NDA.LLADDR, mac]],
  };
}
