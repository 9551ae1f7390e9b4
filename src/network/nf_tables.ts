/**
 * Messages of nf_tables: tables, chains, rules, sets and their elements, in batches that happen as a
 * whole or not at all. Pure.
 *
 * @see https://wiki.nftables.org/wiki-nftables/index.php/Portal:DeveloperDocs/nftables_internals
 * @module
 */

import { type Attribute, be16, be32, joined, listOf, nested, text } from "./attributes.ts";
import { NLM_F, type Request } from "./netlink.ts";

const NFNL_SUBSYS_NFTABLES = 10;
const [NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END] = [0x10, 0x11];

const MSG = {
  NEWTABLE: 0,
  GETTABLE: 1,
  DELTABLE: 2,
  NEWCHAIN: 3,
  GETCHAIN: 4,
  DELCHAIN: 5,
  NEWRULE: 6,
  GETRULE: 7,
  NEWSET: 9,
  NEWSETELEM: 12,
  GETSETELEM: 13,
  DELSETELEM: 14,
} as const;

/** Address families of tables. */
export const NFPROTO = { INET: 1, IPV4: 2, IPV6: 10 } as const;
export const HOOK = { PREROUTING: 0, INPUT: 1, FORWARD: 2, OUTPUT: 3, POSTROUTING: 4 } as const;
/** When a base chain has its turn at its hook. */
export const PRIORITY = { RAW: -300, DSTNAT: -100, FILTER: 0, SRCNAT: 100 } as const;

/** What keys and values of sets are, for programs that show them. */
export const DATATYPE = {
  ipv4_addr: { type: 7, size: 4 },
  ipv6_addr: { type: 8, size: 16 },
  inet_proto: { type: 12, size: 1 },
  inet_service: { type: 13, size: 2 },
  ifname: { type: 41, size: 16 },
} as const;
export type Datatype = keyof typeof DATATYPE;

const LIST_ELEM = 1;
const SET = { MAP: 8, CONCAT: 0x80 } as const;
/** Bits that each part of a concatenation takes of a type's number. */
const CONCAT_BITS = 6;

/** A table: its family and its name. */
export interface Table {
  readonly family: number;
  readonly name: string;
}

function request(
  message: number,
  { family }: Pick<Table, "family">,
  flags: number,
  attributes: readonly Attribute[],
): Request {
  return {
    type: NFNL_SUBSYS_NFTABLES << 8 | message,
    flags,
    fixed: joined([new Uint8Array([family, 0]), be16(0)]),
    attributes,
  };
}

/** What happens as a whole. Each of the requests may ask for an acknowledgement. */
export function batch(requests: readonly Request[]): Request[] {
  const fixed = joined([new Uint8Array([0, 0]), be16(NFNL_SUBSYS_NFTABLES)]);
  return [
    { type: NFNL_MSG_BATCH_BEGIN, flags: 0, fixed },
    ...requests,
    { type: NFNL_MSG_BATCH_END, flags: 0, fixed },
  ];
}

const MAKE = NLM_F.CREATE | NLM_F.ACK;

/** Make a table, unless there is one. */
export function newTable(table: Table): Request {
  return request(MSG.NEWTABLE, table, MAKE, [[1, text(table.name)]]);
}

/** Is there such a table? */
export function getTable(table: Table): Request {
  return request(MSG.GETTABLE, table, 0, [[1, text(table.name)]]);
}

export function deleteTable(table: Table): Request {
  return request(MSG.DELTABLE, table, NLM_F.ACK, [[1, text(table.name)]]);
}

/** A chain; with a hook, one that packets come to by themselves. */
export interface Chain {
  readonly name: string;
  readonly type?: "filter" | "nat" | "route";
  readonly hook?: number;
  readonly priority?: number;
}

export function newChain(table: Table, { name, type, hook, priority = 0 }: Chain): Request {
  return request(MSG.NEWCHAIN, table, MAKE, [
    [1, text(table.name)],
    [3, text(name)],
    ...hook === undefined ? [] : [
      nested(4, [[1, be32(hook)], [2, be32(priority)]]),
      [5, be32(1)] as const, // accept
      [7, text(type ?? "filter")] as const,
    ],
  ]);
}

/** Is there such a chain? */
export function getChain(table: Table, chain: string): Request {
  return request(MSG.GETCHAIN, table, 0, [[1, text(table.name)], [3, text(chain)]]);
}

/** All rules of a chain. */
export function getRules(table: Table, chain: string): Request {
  return request(MSG.GETRULE, table, NLM_F.DUMP, [[1, text(table.name)], [2, text(chain)]]);
}

/** An expression of a rule: its name, and what it is told. */
export type Expression = readonly [name: string, attributes: readonly Attribute[]];

/** A rule at the end of a chain, or at its beginning. */
export function newRule(
  table: Table,
  chain: string,
  expressions: readonly Expression[],
  { first = false, userdata }: {
    readonly first?: boolean;
    readonly userdata?: Uint8Array | undefined;
  } = {},
): Request {
  return request(MSG.NEWRULE, table, MAKE | (first ? 0 : NLM_F.APPEND), [
    [1, text(table.name)],
    [2, text(chain)],
    listOf(
      4,
      LIST_ELEM,
      expressions.map(([name, attributes]) => [[1, text(name)], nested(2, attributes)]),
    ),
    ...userdata === undefined ? [] : [[7, userdata] as const],
  ]);
}

/** A set, or with `data` a map. Several types in a row are one key, of one part after the other. */
export interface NfSet {
  readonly name: string;
  readonly key: readonly Datatype[];
  readonly data?: readonly Datatype[];
}

/** The number of a type, and its size in registers, of which each part begins a new one. */
function typeOf(parts: readonly Datatype[]): { readonly type: number; readonly size: number } {
  if (parts.length === 1) return DATATYPE[parts[0]!];
  return {
    type: parts.reduce((sum, part) => sum << CONCAT_BITS | DATATYPE[part].type, 0),
    size: parts.reduce((sum, part) => sum + (DATATYPE[part].size + 3 & ~3), 0),
  };
}

/** @param id tells the sets of one batch apart */
export function newSet(table: Table, { name, key, data }: NfSet, id: number): Request {
  const { type, size } = typeOf(key);
  const value = data === undefined ? undefined : typeOf(data);
  return request(MSG.NEWSET, table, MAKE, [
    [1, text(table.name)],
    [2, text(name)],
    [3, be32(value === undefined ? 0 : SET.MAP)],
    [4, be32(type)],
    [5, be32(size)],
    ...value === undefined ? [] : [[6, be32(value.type)] as const, [7, be32(value.size)] as const],
    [10, be32(id)],
    // For programs that show it: a name of a link is not a number in the order of the network.
    ...key[0] === "ifname" ? [[13, new Uint8Array([0, 4, 1, 0, 0, 0])] as const] : [],
  ]);
}

/** An element: its key, and in a map its value. */
export interface Element {
  readonly key: Uint8Array;
  readonly data?: Uint8Array;
}

function elements(table: Table, set: string, list: readonly Element[]): Attribute[] {
  return [
    [1, text(table.name)],
    [2, text(set)],
    listOf(
      3,
      LIST_ELEM,
      list.map(({ key, data }) => [
        nested(1, [[1, key]]),
        ...data === undefined ? [] : [nested(2, [[1, data]])],
      ]),
    ),
  ];
}

/** Add elements. One that is there already is no error, unless it had another value. */
export function addElements(table: Table, set: string, list: readonly Element[]): Request {
  return request(MSG.NEWSETELEM, table, MAKE, elements(table, set, list));
}

/** Remove elements, all of which must be there. */
export function removeElements(table: Table, set: string, list: readonly Element[]): Request {
  return request(MSG.DELSETELEM, table, NLM_F.ACK, elements(table, set, list));
}

/** The parts of a key or value, each in registers of its own. */
export function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  return joined(parts.map((part) => {
    const whole = new Uint8Array(part.length + 3 & ~3);
    whole.set(part);
    return whole;
  }));
}

/** The name of a link, as sets and comparisons have it. */
export function ifname(name: string): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(new TextEncoder().encode(name).subarray(0, 15));
  return bytes;
}
