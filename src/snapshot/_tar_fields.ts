/**
 * The fields of a tar header: text, octal, base-256 and decimal numbers, and times.
 *
 * @module
 */

import { CtrError } from "../errors.ts";

/** Octal text, or base-256 when the top bit is set. Empty is 0. */
export function readNumber(
  block: Uint8Array,
  at: number,
  length: number,
  field: string,
  negative = false,
): number {
  if ((block[at]! & 0x80) !== 0) return readBase256(block, at, length, field, negative);
  let end = at + length;
  while (end > at && (block[end - 1] === 0 || block[end - 1] === 0x20)) end--;
  while (at < end && (block[at] === 0x20 || block[at] === 0)) at++;
  let value = 0;
  for (; at < end; at++) {
    const digit = block[at]! - 0x30;
    if (digit < 0 || digit > 7) {
      if (block[at] === 0) break;
      throw malformed(`${field} is not a number`);
    }
    value = value * 8 + digit;
  }
  return value;
}

function readBase256(
  block: Uint8Array,
  at: number,
  length: number,
  field: string,
  negative: boolean,
): number {
  const isNegative = (block[at]! & 0x40) !== 0;
  const flip = isNegative ? 0xff : 0;
  let value = (block[at]! ^ flip) & 0x7f;
  for (let i = 1; i < length; i++) value = value * 256 + (block[at + i]! ^ flip);
  if (isNegative) value = -value - 1;
  if (!Number.isSafeInteger(value) || (value < 0 && !negative)) {
    throw malformed(`${field} is out of range`);
  }
  return value;
}

/** Decimal text, as in PAX records. */
export function parseDecimal(text: string, field: string): number {
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(value)) {
    throw malformed(`${field} ${JSON.stringify(text)}`);
  }
  return value;
}

/** `-1.25` is one and a quarter seconds before the epoch: seconds -2, nanoseconds 750 000 000. */
export function parseTime(text: string): [number, number] {
  const match = /^(-?)([0-9]{1,15})(?:\.([0-9]*))?$/.exec(text);
  if (match === null) throw malformed(`mtime ${JSON.stringify(text)}`);
  const seconds = Number(match[2]);
  const ns = Number((match[3] ?? "").padEnd(9, "0").slice(0, 9));
  if (match[1] === "") return [seconds, ns];
  return ns === 0 ? [-seconds, 0] : [-seconds - 1, 1_000_000_000 - ns];
}

/** Text that ends at a NUL or with the field. */
export function upToNul(bytes: Uint8Array, at: number, length: number): string {
  const nul = bytes.subarray(at, at + length).indexOf(0);
  return latin1(bytes.subarray(at, at + (nul < 0 ? length : nul)));
}

/** Bytes as a byte string. */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  }
  return text;
}

/** Refuse what the kernel would cut. */
export function noNul(text: string, field: string): string {
  if (text.includes("\0")) throw malformed(`${field} contains a NUL`);
  return text;
}

/** The error for a broken archive. */
export function malformed(reason: string): CtrError {
  return new CtrError({ code: "data_loss", operation: "read tar archive", reason });
}
