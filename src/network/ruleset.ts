/**
 * The one table of nf_tables: its rules never change. Networks and containers are elements of its sets
 * and maps. Pure.
 *
 * @module
 */

import {
  addElements,
  type Chain,
  concatenated,
  type Datatype,
  type Element,
  type Expression,
  HOOK,
  ifname,
  newChain,
  newRule,
  newSet,
  newTable,
  NFPROTO,
  type NfSet,
  PRIORITY,
  removeElements,
  type Table,
} from "./nf_tables.ts";
import {
  address4Begins,
  address6Is,
  comesBy,
  connectionHas,
  CT_STATE,
  CT_STATUS,
  forwardBy,
  goesBetween,
  goesBy,
  goesToThisHost,
  isFamily,
  jump,
  masquerade,
  passes,
  verdict,
} from "./nf_expressions.ts";
import type { Request } from "./netlink.ts";
import { be16, joined } from "./attributes.ts";

/**
 * `bridges`: ours. `within`: pairs of a bridge and itself, where its containers may meet. `own`: pairs
 * of a container's address and itself. `ports` and `host_ports`: where ports lead, of every address of
 * this machine and of one.
 */
const SETS: readonly NfSet[] = [
  { name: "bridges", key: ["ifname"] },
  { name: "within", key: ["ifname", "ifname"] },
  { name: "masqueraded", key: ["ifname"] },
  { name: "internal", key: ["ifname"] },
  ...([4, 6] as const).flatMap((family): NfSet[] => {
    const address: Datatype = family === 4 ? "ipv4_addr" : "ipv6_addr";
    const port: Datatype[] = ["inet_proto", "inet_service"];
    const data: Datatype[] = [address, "inet_service"];
    return [
      { name: `ports${family}`, key: port, data },
      { name: `own${family}`, key: [address, address] },
      { name: `host_ports${family}`, key: [address, ...port], data },
    ];
  }),
];

const CHAINS: readonly (Chain & { readonly rules: readonly (readonly Expression[])[] })[] = [
  {
    // A bridge with route_localnet must not be a way to what listens on 127.0.0.1 (CVE-2020-8558).
    name: "guard",
    type: "filter",
    hook: HOOK.PREROUTING,
    priority: PRIORITY.RAW,
    rules: [[
      ...isFamily(NFPROTO.IPV4),
      ...comesBy("bridges"),
      ...address4Begins("destination", new Uint8Array([127])),
      ...verdict("drop"),
    ]],
  },
  {
    name: "publish",
    rules: ([4, 6] as const).flatMap((family) => {
      const only = isFamily(family === 4 ? NFPROTO.IPV4 : NFPROTO.IPV6);
      return [
        [...only, ...forwardBy(`host_ports${family}`, family, { address: true })],
        [...only, ...goesToThisHost(), ...forwardBy(`ports${family}`, family, { address: false })],
      ];
    }),
  },
  ...(["PREROUTING", "OUTPUT"] as const).map((hook) => ({
    name: hook.toLowerCase(),
    type: "nat" as const,
    hook: HOOK[hook],
    priority: PRIORITY.DSTNAT,
    rules: [jump("publish")],
  })),
  {
    name: "postrouting",
    type: "nat",
    hook: HOOK.POSTROUTING,
    priority: PRIORITY.SRCNAT,
    rules: [
      [...comesBy("masqueraded"), ...goesBy("bridges", true), ...masquerade()],
      // A container that reaches itself through a published port. Where bridged packets are filtered,
      // too (br_netfilter), they come from nowhere here, so the next rule does not know them.
      ...([4, 6] as const).map((family) => [
        ...isFamily(family === 4 ? NFPROTO.IPV4 : NFPROTO.IPV6),
        ...connectionHas("status", CT_STATUS.DST_NAT),
        ...goesBetween(`own${family}`, family),
        ...masquerade(),
      ]),
      // A container that reaches one of its own network through a published port.
      [
        ...connectionHas("status", CT_STATUS.DST_NAT),
        ...passes("within"),
        ...masquerade(),
      ],
      // This host, through a published port of 127.0.0.1.
      [
        ...isFamily(NFPROTO.IPV4),
        ...goesBy("bridges"),
        ...address4Begins("source", new Uint8Array([127])),
        ...masquerade(),
      ],
      [
        ...isFamily(NFPROTO.IPV6),
        ...goesBy("bridges"),
        ...address6Is("source", new Uint8Array([...new Array<number>(15).fill(0), 1])),
        ...masquerade(),
      ],
    ],
  },
  {
    name: "forward",
    type: "filter",
    hook: HOOK.FORWARD,
    priority: PRIORITY.FILTER,
    rules: [
      [...comesBy("bridges", true), ...goesBy("bridges", true), ...verdict("return")],
      [
        ...connectionHas("state", CT_STATE.ESTABLISHED | CT_STATE.RELATED),
        ...verdict("accept"),
      ],
      [...passes("within"), ...verdict("accept")],
      [...comesBy("internal"), ...verdict("drop")],
      [...goesBy("internal"), ...verdict("drop")],
      [...connectionHas("status", CT_STATUS.DST_NAT), ...verdict("accept")],
      // Neither other networks nor other machines reach what is not published.
      [...goesBy("bridges"), ...verdict("drop")],
    ],
  },
];

/** All that there is before the first network. */
export function staticRules(table: Table): Request[] {
  return [
    newTable(table),
    ...SETS.map((set, index) => newSet(table, set, index + 1)),
    ...CHAINS.map((chain) => newChain(table, chain)),
    ...CHAINS.flatMap(({ name, rules }) => rules.map((rule) => newRule(table, name, rule))),
  ];
}

/** What a network with a bridge is to the rules. */
export interface BridgeRules {
  readonly bridge: string;
  /** Its containers may speak to each other. */
  readonly within: boolean;
  /** What leaves it has this machine's address. */
  readonly masqueraded: boolean;
  /** Nothing leaves it. */
  readonly internal: boolean;
}

/** A port of this machine that leads to a container. */
export interface PortRule {
  readonly protocol: number;
  /** All zeros: every address of the machine. */
  readonly hostAddress: Uint8Array;
  readonly hostPort: number;
  readonly address: Uint8Array;
  readonly port: number;
}

function bridgeElements(rules: BridgeRules): [set: string, element: Element][] {
  const name = ifname(rules.bridge);
  return [
    ["bridges", { key: name }],
    ...rules.within ? [["within", { key: joined([name, name]) }] as [string, Element]] : [],
    ...rules.masqueraded ? [["masqueraded", { key: name }] as [string, Element]] : [],
    ...rules.internal ? [["internal", { key: name }] as [string, Element]] : [],
  ];
}

/** Several ports of one address need one of these. */
function ownElements(ports: readonly PortRule[]): [set: string, element: Element][] {
  const keys = new Map(ports.map(({ address }) => [address.join(), address]));
  return [...keys.values()].map((address) => [
    `own${address.length === 4 ? 4 : 6}`,
    { key: joined([address, address]) },
  ]);
}

function portElement(rule: PortRule): [set: string, element: Element] {
  const family = rule.address.length === 4 ? 4 : 6;
  const everywhere = rule.hostAddress.every((byte) => byte === 0);
  return [everywhere ? `ports${family}` : `host_ports${family}`, {
    key: concatenated([
      ...everywhere ? [] : [rule.hostAddress],
      new Uint8Array([rule.protocol]),
      be16(rule.hostPort),
    ]),
    data: concatenated([rule.address, be16(rule.port)]),
  }];
}

function bySet(
  list: readonly (readonly [set: string, element: Element])[],
  make: (set: string, elements: readonly Element[]) => Request,
): Request[] {
  const sets = new Map<string, Element[]>();
  for (const [set, element] of list) sets.set(set, [...sets.get(set) ?? [], element]);
  return [...sets].map(([set, elements]) => make(set, elements));
}

/** Add what is there already or not. */
export function addRules(
  table: Table,
  { bridges = [], ports = [] }: {
    readonly bridges?: readonly BridgeRules[];
    readonly ports?: readonly PortRule[];
  },
): Request[] {
  const list = [
    ...bridges.flatMap(bridgeElements),
    ...ownElements(ports),
    ...ports.map(portElement),
  ];
  return bySet(list, (set, elements) => addElements(table, set, elements));
}

/** Remove, of which all must be there. */
export function removeRules(
  table: Table,
  { bridges = [], ports = [] }: Parameters<typeof addRules>[1],
): Request[] {
  const list = [
    ...bridges.flatMap(bridgeElements),
    ...ownElements(ports),
    ...ports.map(portElement),
  ];
  return bySet(list, (set, elements) => removeElements(table, set, elements));
}
