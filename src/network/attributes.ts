/**
 * Attributes of netlink messages: type, length and value, some of them lists of others. Pure.
 *
 * @see https://docs.kernel.org/userspace-api/netlink/intro.html
 * @module
 */

/** An attribute: its type and its bytes. */
export type Attribute = readonly [type: number, value: Uint8Array];

const NLA_F_NESTED = 0x8000;
const NLA_TYPE = 0x3fff;
const HEADER = 4;

/** Up to the next multiple of 4. */
export function aligned(size: number): number {
  return (size + 3) & ~3;
}

/** All bytes, one after the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export function u8(value: number): Uint8Array {
  return new Uint8Array([value]);
}

/** 2 bytes, as this machine has them. */
export function u16(value: number): Uint8Array {
  return new Uint8Array([value & 0xff, value >> 8 & 0xff]);
}

/** 2 bytes in the order of the network. */
export function be16(value: number): Uint8Array {
  return new Uint8Array([value >> 8 & 0xff, value & 0xff]);
}

/** 4 bytes, as this machine has them. */
export function u32(value: number): Uint8Array {
  return be32(value).reverse();
}

/** 4 bytes in the order of the network: all numbers of nf_tables. */
export function be32(value: number): Uint8Array {
  return new Uint8Array([value >>> 24, value >> 16 & 0xff, value >> 8 & 0xff, value & 0xff]);
}

/** A string as the kernel takes it. */
export function text(value: string): Uint8Array {
  return new TextEncoder().encode(value + "\0");
}

/** The bytes of attributes. */
export function encodeAttributes(attributes: readonly Attribute[]): Uint8Array {
  const size = attributes.reduce((sum, [, value]) => sum + aligned(HEADER + value.length), 0);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [type, value] of attributes) {
    view.setUint16(at, HEADER + value.length, true);
    view.setUint16(at + 2, type, true);
    bytes.set(value, at + HEADER);
    at += aligned(HEADER + value.length);
  }
  return bytes;
}

/** An attribute that is a list of others. */
export function nested(type: number, attributes: readonly Attribute[]): Attribute {
  return [type | NLA_F_NESTED, encodeAttributes(attributes)];
}

/** A list whose elements all have one type. */
export function listOf(
  type: number,
  element: number,
  elements: readonly (readonly Attribute[])[],
): Attribute {
  return nested(type, elements.map((attributes) => nested(element, attributes)));
}

/** The attributes in some bytes, in their order; what makes no sense ends them. */
export function decodeAttributes(bytes: Uint8Array): Attribute[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found: Attribute[] = [];
  for (let at = 0; at + HEADER <= bytes.length;) {
    const size = view.getUint16(at, true);
    if (size < HEADER || at + size > bytes.length) break;
    const type = view.getUint16(at + 2, true) & NLA_TYPE;
    found.push([type, bytes.subarray(at + HEADER, at + size)]);
    at += aligned(size);
  }
  return found;
}

/** By type; of several of one type the last. */
export function attributeMap(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> {
  return new Map(decodeAttributes(bytes));
}

/** The number in the first bytes of a value, 0 where there are too few. */
export function numberOf(
  value: Uint8Array | undefined,
  { bigEndian = false }: { readonly bigEndian?: boolean } = {},
): number {
  if (value === undefined || value.length === 0) return 0;
  const bytes = [...value.subarray(0, 4)];
  if (!bigEndian) bytes.reverse();
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}

/** A string up to its NUL. */
export function textOf(value: Uint8Array | undefined): string {
  if (value === undefined) return "";
  const end = value.indexOf(0);
  return new TextDecoder().decode(end < 0 ? value : value.subarray(0, end));
}
