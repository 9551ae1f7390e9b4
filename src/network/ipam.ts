/**
 * Which address a container gets. Pure but for the store, where the caller has a transaction open.
 *
 * Addresses are given in turn, not the lowest first: neighbours remember for a while who had one.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { EndpointRecord, NetworkRecord, NetworkSubnet, NetworkTable } from "../state/mod.ts";
import {
  bounds,
  contains,
  formatAddress,
  formatMac,
  fromNumber,
  parseAddress,
  parseSubnet,
  toNumber,
} from "./addresses.ts";

/** An address that somebody has: whose it is may be asked, and he may be gone. */
export class AddressInUse extends CtrError {
  /** Containers; none when nobody could give it back. */
  readonly holders: readonly string[];

  constructor(subject: string, reason: string, holders: readonly string[]) {
    super({ code: "conflict", operation: "allocate address", subject, reason });
    this.holders = holders;
  }
}

/** What is wanted of a network's addresses. */
export interface Wanted {
  readonly ipv4?: string | undefined;
  readonly ipv6?: string | undefined;
}

/**
 * An address of each version that the network has.
 *
 * @throws {AddressInUse} when the one that is wanted, or every one, is in use
 * @throws {CtrError} `invalid_argument` when the network has no such address
 */
export function allocateAddresses(
  table: NetworkTable,
  network: NetworkRecord,
  wanted: Wanted,
): Pick<EndpointRecord, "ipv4" | "ipv6"> {
  const taken = table.endpoints({ network: network.id });
  const found: { ipv4?: string; ipv6?: string } = {};
  for (const key of ["ipv4", "ipv6"] as const) {
    const subnet = network.subnets.find((one) => one.subnet.includes(":") === (key === "ipv6"));
    const given = wanted[key];
    if (subnet === undefined && given === undefined) continue;
    if (subnet === undefined || (given !== undefined && !fits(subnet, given))) {
      throw new CtrError({
        code: "invalid_argument",
        operation: "connect to network",
        subject: network.name,
        reason: `it has no subnet with the address ${given}`,
      });
    }
    const holders = new Map(taken.flatMap((endpoint) => {
      const address = endpoint[key];
      return address === undefined ? [] : [[address, endpoint.container] as const];
    }));
    found[key] = given === undefined
      ? next(table, network, subnet, holders)
      : claimed(subnet, formatAddress(parseAddress(given)), holders);
  }
  return found;
}

function fits({ subnet }: NetworkSubnet, address: string): boolean {
  return contains(parseSubnet(subnet), parseAddress(address));
}

function claimed(
  subnet: NetworkSubnet,
  address: string,
  holders: ReadonlyMap<string, string>,
): string {
  const holder = holders.get(address);
  if (holder !== undefined) throw new AddressInUse(address, "it is in use", [holder]);
  if (reserved(subnet).has(address)) throw new AddressInUse(address, "it is reserved", []);
  return address;
}

function reserved({ gateway, auxAddresses = {} }: NetworkSubnet): ReadonlySet<string> {
  return new Set([gateway, ...Object.values(auxAddresses)]);
}

function next(
  table: NetworkTable,
  network: NetworkRecord,
  subnet: NetworkSubnet,
  holders: ReadonlyMap<string, string>,
): string {
  const whole = parseSubnet(subnet.subnet);
  const { family, prefix } = whole;
  const [lowest, highest] = bounds(whole);
  let [first, last] = bounds(parseSubnet(subnet.ipRange ?? subnet.subnet));
  // Neither the network's own address nor that for everybody in it.
  const small = prefix >= (family === 4 ? 31 : 127);
  if (!small && first === lowest) first++;
  if (!small && family === 4 && last === highest) last--;
  const passed = reserved(subnet);
  const size = last - first + 1n;
  let at = toNumber(
    parseAddress(startOf(table, network, family) || formatAddress(fromNumber(first, family))),
  );
  if (at < first || at > last) at = first;
  // So many are not free; one more is enough to find one that is.
  const tries = BigInt(holders.size + passed.size + 1);
  for (let tried = 0n; tried < tries && tried < size; tried++, at = at === last ? first : at + 1n) {
    const address = formatAddress(fromNumber(at, family));
    if (holders.has(address) || passed.has(address)) continue;
    const after = formatAddress(fromNumber(at === last ? first : at + 1n, family));
    setStart(table, network, family, after);
    return address;
  }
  throw new AddressInUse(network.name, "no address is free", [...holders.values()]);
}

/** Where the last search ended, of both versions in one word. */
function startOf(table: NetworkTable, { id }: NetworkRecord, family: 4 | 6): string {
  return table.nextAddress(id).split(" ")[family === 4 ? 0 : 1] ?? "";
}

function setStart(table: NetworkTable, { id }: NetworkRecord, family: 4 | 6, to: string): void {
  const [v4 = "", v6 = ""] = table.nextAddress(id).split(" ");
  table.setNextAddress(id, family === 4 ? `${to} ${v6}` : `${v4} ${to}`);
}

/**
 * The MAC address that belongs to an address, so that neighbours who remember an earlier container of
 * the same address are right about the new one.
 */
export function macFor({ ipv4, ipv6 }: Pick<EndpointRecord, "ipv4" | "ipv6">): string {
  const address = parseAddress(ipv4 ?? ipv6 ?? "0.0.0.0");
  return formatMac(new Uint8Array([0x02, 0x42, ...address.slice(-4)]));
}
