/**
 * Subnets for networks that were given none. Pure.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { fromNumber, overlaps, parseSubnet, type Subnet, subnetOf, toNumber } from "./addresses.ts";

/** Docker's: 15 large ones, then 16 smaller ones. */
function* pools(): Generator<Subnet> {
  for (let at = 17; at < 32; at++) yield parseSubnet(`172.${at}.0.0/16`);
  for (let at = 0; at < 256; at += 16) yield parseSubnet(`192.168.${at}.0/20`);
}

/**
 * The first that has nothing in common with those in use.
 *
 * @throws {CtrError} `resource_exhausted`
 */
export function freeSubnet4(used: readonly Subnet[]): Subnet {
  for (const pool of pools()) if (!used.some((other) => overlaps(pool, other))) return pool;
  throw new CtrError({
    code: "resource_exhausted",
    operation: "create network",
    reason: "all predefined address pools have been fully subnetted",
    hint: "remove networks that nobody needs, or choose a --subnet",
  });
}

/** A subnet of the addresses that are for everybody's own use, as RFC 4193 wants it: by chance. */
export function randomSubnet6(random: Uint8Array): Subnet {
  const address = new Uint8Array(16);
  address.set([0xfd, ...random.subarray(0, 5)]);
  return subnetOf(address, 64);
}

/** The first address of a subnet that is not the subnet's own. */
export function firstAddress({ family, bytes }: Subnet): Uint8Array {
  return fromNumber(toNumber(bytes) + 1n, family);
}
