/**
 * What the rules of nf_tables are made of. Pure.
 *
 * Each function gives a piece of a rule; a rule is true as far as all its pieces are.
 *
 * @module
 */

import { type Attribute, be32, nested, text, u32 } from "./attributes.ts";
import type { Expression } from "./nf_tables.ts";

/** A register of 4 bytes: 0 to 15. Values of more than 4 bytes go on in the next ones. */
const register = (number: number): number => 8 + number;
const VERDICT_REGISTER = 0;

const META = { IIFNAME: 6, OIFNAME: 7, NFPROTO: 15, L4PROTO: 16 } as const;
const CT = { STATE: 0, STATUS: 2 } as const;
const [EQUAL, NOT_EQUAL] = [0, 1];
const NETWORK_HEADER = 1;
const TRANSPORT_HEADER = 2;
const LOOKUP_INVERTED = 1;
const FIB = { RESULT_ADDRTYPE: 3, DADDR: 2 } as const;
const RTN_LOCAL = 2;
const [SNAT, DNAT] = [0, 1];

/** States and statuses of connections, as bits. */
export const CT_STATE = { ESTABLISHED: 2, RELATED: 4, NEW: 8 } as const;
export const CT_STATUS = { DST_NAT: 0x20 } as const;

function value(bytes: Uint8Array): Attribute[] {
  return [[1, bytes]];
}

function meta(key: number, to: number): Expression {
  return ["meta", [[1, be32(register(to))], [2, be32(key)]]];
}

function compare(bytes: Uint8Array, operation: number, from = 0): Expression {
  return ["cmp", [[1, be32(register(from))], [2, be32(operation)], nested(3, value(bytes))]];
}

function payload(base: number, offset: number, length: number, to: number): Expression {
  return ["payload", [
    [1, be32(register(to))],
    [2, be32(base)],
    [3, be32(offset)],
    [4, be32(length)],
  ]];
}

function lookup(set: string, { inverted = false, to }: {
  readonly inverted?: boolean;
  readonly to?: number;
} = {}): Expression {
  return ["lookup", [
    [1, text(set)],
    [2, be32(register(0))],
    ...to === undefined ? [] : [[3, be32(register(to))] as const],
    ...inverted ? [[5, be32(LOOKUP_INVERTED)] as const] : [],
  ]];
}

/** It came in by a link of this set. */
export function comesBy(set: string, inverted = false): Expression[] {
  return [meta(META.IIFNAME, 0), lookup(set, { inverted })];
}

/** It goes out by a link of this set. */
export function goesBy(set: string, inverted = false): Expression[] {
  return [meta(META.OIFNAME, 0), lookup(set, { inverted })];
}

/** The two links that it comes and goes by are a pair of this set. */
export function passes(set: string): Expression[] {
  return [meta(META.IIFNAME, 0), meta(META.OIFNAME, 4), lookup(set)];
}

/** It comes in, or goes out, by a link whose name begins so. */
export function linkBegins(direction: "in" | "out", begin: string): Expression[] {
  const key = direction === "in" ? META.IIFNAME : META.OIFNAME;
  return [meta(key, 0), compare(new TextEncoder().encode(begin), EQUAL)];
}

/** It is of this IP version. */
export function isFamily(family: number): Expression[] {
  return [meta(META.NFPROTO, 0), compare(new Uint8Array([family]), EQUAL)];
}

function masked(mask: Uint8Array): Expression {
  const nothing = new Uint8Array(mask.length);
  return ["bitwise", [
    [1, be32(register(0))],
    [2, be32(register(0))],
    [3, be32(mask.length)],
    nested(4, value(mask)),
    nested(5, value(nothing)),
  ]];
}

/** Its address of IP version 4 is in a subnet of 8, 16 or 24 bits, given by its bytes. */
export function address4Begins(which: "source" | "destination", bytes: Uint8Array): Expression[] {
  return [
    payload(NETWORK_HEADER, which === "source" ? 12 : 16, bytes.length, 0),
    compare(bytes, EQUAL),
  ];
}

/** Its address of IP version 6 is this one. */
export function address6Is(which: "source" | "destination", bytes: Uint8Array): Expression[] {
  return [payload(NETWORK_HEADER, which === "source" ? 8 : 24, 16, 0), compare(bytes, EQUAL)];
}

/** Its source and its destination are a pair of this set. */
export function goesBetween(set: string, family: 4 | 6): Expression[] {
  const [from, size] = family === 4 ? [12, 4] : [8, 16];
  return [payload(NETWORK_HEADER, from, 2 * size, 0), lookup(set)];
}

/** It goes to an address of this machine. */
export function goesToThisHost(): Expression[] {
  return [
    ["fib", [[1, be32(register(0))], [2, be32(FIB.RESULT_ADDRTYPE)], [3, be32(FIB.DADDR)]]],
    compare(u32(RTN_LOCAL), EQUAL),
  ];
}

/** One of these bits of its connection is set. */
export function connectionHas(which: "state" | "status", bits: number): Expression[] {
  return [
    ["ct", [[1, be32(register(0))], [2, be32(which === "state" ? CT.STATE : CT.STATUS)]]],
    masked(u32(bits)),
    compare(u32(0), NOT_EQUAL),
  ];
}

/**
 * Go on to where a map says that its protocol and port lead, and with `address` its destination. What
 * the map does not know, the rule is not about.
 */
export function forwardBy(map: string, family: 4 | 6, { address }: {
  readonly address: boolean;
}): Expression[] {
  const size = family === 4 ? 4 : 16;
  const begin = address ? size / 4 : 0;
  return [
    ...address ? [payload(NETWORK_HEADER, family === 4 ? 16 : 24, size, 0)] : [],
    meta(META.L4PROTO, begin),
    payload(TRANSPORT_HEADER, 2, 2, begin + 1),
    lookup(map, { to: 0 }),
    ["nat", [
      [1, be32(DNAT)],
      [2, be32(family === 4 ? 2 : 10)],
      [3, be32(register(0))],
      [5, be32(register(size / 4))],
    ]],
  ];
}

/** It gets the address of the link that it goes out by. */
export function masquerade(): Expression[] {
  return [["masq", []]];
}

/** It gets this source address. */
export function sourceBecomes(address: Uint8Array): Expression[] {
  return [
    ["immediate", [[1, be32(register(0))], nested(2, value(address))]],
    ["nat", [
      [1, be32(SNAT)],
      [2, be32(address.length === 4 ? 2 : 10)],
      [3, be32(register(0))],
    ]],
  ];
}

/** It goes to this port of this address of IP version 4. */
export function destinationBecomes(address: Uint8Array, port: Uint8Array): Expression[] {
  return [
    ["immediate", [[1, be32(register(0))], nested(2, value(address))]],
    ["immediate", [[1, be32(register(1))], nested(2, value(port))]],
    ["nat", [
      [1, be32(DNAT)],
      [2, be32(2)],
      [3, be32(register(0))],
      [5, be32(register(1))],
    ]],
  ];
}

/** It is of this transport protocol, and to this port. */
export function goesToPort(protocol: number, port: Uint8Array): Expression[] {
  return [
    meta(META.L4PROTO, 0),
    compare(new Uint8Array([protocol]), EQUAL),
    payload(TRANSPORT_HEADER, 2, 2, 0),
    compare(port, EQUAL),
  ];
}

function decide(code: number, chain?: string): Expression[] {
  const said: Attribute[] = [
    [1, be32(code)],
    ...chain === undefined ? [] : [[2, text(chain)] as const],
  ];
  return [["immediate", [[1, be32(VERDICT_REGISTER)], nested(2, [nested(2, said)])]]];
}

/** What becomes of it. `return`: this chain has no more to say. */
export function verdict(what: "accept" | "drop" | "return"): Expression[] {
  return decide(what === "accept" ? 1 : what === "drop" ? 0 : -5);
}

/** The rules of another chain come first. */
export function jump(chain: string): Expression[] {
  const NFT_JUMP = -3;
  return decide(NFT_JUMP, chain);
}

/** Count what gets here. */
export function counter(): Expression[] {
  return [["counter", []]];
}
