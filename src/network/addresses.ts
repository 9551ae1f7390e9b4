/**
 * IP addresses, subnets and MAC addresses: text, bytes and numbers. Pure.
 *
 * @module
 */

import { CtrError } from "../errors.ts";

/** Address families of the kernel. */
export const AF = { INET: 2, INET6: 10, NETLINK: 16, BRIDGE: 7 } as const;

/** All addresses that begin with the same `prefix` bits. */
export interface Subnet {
  readonly family: 4 | 6;
  /** The first address; 4 or 16 bytes. */
  readonly bytes: Uint8Array;
  readonly prefix: number;
}

/** The bytes of an address, or undefined. */
export function tryParseAddress(text: string): Uint8Array | undefined {
  return text.includes(":") ? parse6(text) : parse4(text);
}

/** The bytes of an address. @throws {CtrError} `invalid_argument` */
export function parseAddress(text: string): Uint8Array {
  return tryParseAddress(text) ?? invalid("read address", text, "it is not an IP address");
}

function invalid(operation: string, subject: string, reason: string): never {
  throw new CtrError({ code: "invalid_argument", operation, subject, reason });
}

function parse4(text: string): Uint8Array | undefined {
  const match = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/.exec(
    text,
  );
  const bytes = match?.slice(1).map(Number);
  return bytes === undefined || bytes.some((byte) => byte > 255)
    ? undefined
    : new Uint8Array(bytes);
}

function parse6(text: string): Uint8Array | undefined {
  const last = text.slice(text.lastIndexOf(":") + 1);
  if (last.includes(".")) {
    const v4 = parse4(last);
    if (v4 === undefined) return undefined;
    const words = [v4[0]! << 8 | v4[1]!, v4[2]! << 8 | v4[3]!].map((word) => word.toString(16));
    return parse6(text.slice(0, text.length - last.length) + words.join(":"));
  }
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail = []] = halves.map((half) => half === "" ? [] : half.split(":"));
  const given = head!.length + tail.length;
  if (halves.length === 1 ? given !== 8 : given > 7) return undefined;
  const words = [...head!, ...new Array<string>(8 - given).fill("0"), ...tail];
  if (!words.every((word) => /^[0-9a-f]{1,4}$/i.test(word))) return undefined;
  return new Uint8Array(words.flatMap((word) => {
    const value = parseInt(word, 16);
    return [value >> 8, value & 0xff];
  }));
}

/** An address as text, as RFC 5952 wants it. */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const words = Array.from({ length: 8 }, (_, at) => bytes[2 * at]! << 8 | bytes[2 * at + 1]!);
  let [from, size] = [-1, 1];
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (words[at + length] === 0) length++;
    if (length > size) [from, size] = [at, length];
  }
  const hex = words.map((word) => word.toString(16));
  if (from < 0) return hex.join(":");
  return `${hex.slice(0, from).join(":")}::${hex.slice(from + size).join(":")}`;
}

/** An address as a number. */
export function toNumber(bytes: Uint8Array): bigint {
  return bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
}

/** A number as an address. */
export function fromNumber(value: bigint, family: 4 | 6): Uint8Array {
  const bytes = new Uint8Array(family === 4 ? 4 : 16);
  for (let at = bytes.length - 1; at >= 0; at--, value >>= 8n) bytes[at] = Number(value & 0xffn);
  return bytes;
}

/**
 * `10.1.0.0/16`.
 *
 * @throws {CtrError} `invalid_argument`
 */
export function parseSubnet(text: string): Subnet {
  const slash = text.lastIndexOf("/");
  const address = tryParseAddress(text.slice(0, Math.max(0, slash)));
  const digits = text.slice(slash + 1);
  const prefix = Number(digits);
  if (address === undefined || !/^\d{1,3}$/.test(digits) || prefix > address.length * 8) {
    return invalid("read subnet", text, "it is ADDRESS/BITS");
  }
  return subnetOf(address, prefix);
}

/** The subnet that an address is in. */
export function subnetOf(address: Uint8Array, prefix: number): Subnet {
  const bytes = address.map((byte, at) => {
    const bits = Math.min(8, Math.max(0, prefix - 8 * at));
    return byte & (0xff00 >> bits);
  });
  return { family: bytes.length === 4 ? 4 : 6, bytes, prefix };
}

export function formatSubnet({ bytes, prefix }: Subnet): string {
  return `${formatAddress(bytes)}/${prefix}`;
}

/** The first and the last address. */
export function bounds({ bytes, prefix }: Subnet): readonly [first: bigint, last: bigint] {
  const first = toNumber(bytes);
  return [first, first + (1n << BigInt(bytes.length * 8 - prefix)) - 1n];
}

/** Whether an address is in a subnet. */
export function contains(subnet: Subnet, address: Uint8Array): boolean {
  if (address.length !== subnet.bytes.length) return false;
  const [first, last] = bounds(subnet);
  const value = toNumber(address);
  return value >= first && value <= last;
}

/** Whether two subnets have an address in common. */
export function overlaps(a: Subnet, b: Subnet): boolean {
  return a.family === b.family &&
    (a.prefix <= b.prefix ? contains(a, b.bytes) : contains(b, a.bytes));
}

/** `02:42:ac:11:00:02`. @throws {CtrError} `invalid_argument` */
export function parseMac(text: string): Uint8Array {
  const match =
    /^([0-9a-f]{2})[:-]([0-9a-f]{2})[:-]([0-9a-f]{2})[:-]([0-9a-f]{2})[:-]([0-9a-f]{2})[:-]([0-9a-f]{2})$/i
      .exec(text);
  const bytes = new Uint8Array(match?.slice(1).map((byte) => parseInt(byte, 16)) ?? []);
  if (match !== null && (bytes[0]! & 1) === 0) return bytes;
  return invalid("read MAC address", text, "it is not the MAC address of an interface");
}

export function formatMac(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}
