/**
 * Messages of rtnetlink, as far as network devices are moved with them.
 *
 * @see https://man7.org/linux/man-pages/man7/rtnetlink.7.html
 * @module
 */

export const RTM = { NEWLINK: 16, GETLINK: 18, NEWADDR: 20, GETADDR: 22 } as const;
export const NLM_F = { REQUEST: 1, ACK: 4, EXCL: 0x200, DUMP: 0x300, CREATE: 0x400 } as const;
export const IFLA = { IFNAME: 3, NET_NS_FD: 28 } as const;
export const IFF_UP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

const IFA = { ADDRESS: 1, LOCAL: 2, BROADCAST: 4, FLAGS: 8, RT_PRIORITY: 9 } as const;
const IFA_F = { NODAD: 2, HOMEADDRESS: 0x10, PERMANENT: 0x80, NOPREFIXROUTE: 0x200 } as const;
/** What says how an address is used, and not what has become of it. */
const IFA_F_WANTED = IFA_F.NODAD | IFA_F.HOMEADDRESS | IFA_F.NOPREFIXROUTE;
const RT_SCOPE_UNIVERSE = 0;
const HEADER = 16;

/** An attribute: its type and its bytes. */
export type Attribute = readonly [type: number, value: Uint8Array];

/** A message that came, without its header. */
export interface Message {
  readonly type: number;
  readonly body: Uint8Array;
}

/** 4 bytes. */
export function u32(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer);
}

/** A name as the kernel takes it. */
export function nameBytes(name: string): Uint8Array {
  return new TextEncoder().encode(name + "\0");
}

/** A whole message: header, fixed part, attributes. */
export function message(
  type: number,
  flags: number,
  fixed: Uint8Array,
  attributes: readonly Attribute[] = [],
): Uint8Array {
  const size = attributes.reduce(
    (sum, [, value]) => sum + aligned(4 + value.length),
    HEADER + fixed.length,
  );
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, size, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags | NLM_F.REQUEST, true);
  view.setUint32(8, 1, true);
  bytes.set(fixed, HEADER);
  let at = HEADER + fixed.length;
  for (const [attribute, value] of attributes) {
    view.setUint16(at, 4 + value.length, true);
    view.setUint16(at + 2, attribute, true);
    bytes.set(value, at + 4);
    at += aligned(4 + value.length);
  }
  return bytes;
}

function aligned(size: number): number {
  return (size + 3) & ~3;
}

/** The messages of one datagram. */
export function messages(datagram: Uint8Array): Message[] {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
  const found: Message[] = [];
  for (let at = 0; at + HEADER <= datagram.length;) {
    const size = view.getUint32(at, true);
    if (size < HEADER) break;
    found.push({
      type: view.getUint16(at + 4, true),
      body: datagram.subarray(at + HEADER, at + size),
    });
    at += aligned(size);
  }
  return found;
}

function attributesOf(body: Uint8Array, from: number): Map<number, Uint8Array> {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const found = new Map<number, Uint8Array>();
  for (let at = from; at + 4 <= body.length;) {
    const size = view.getUint16(at, true);
    if (size < 4) break;
    found.set(view.getUint16(at + 2, true) & 0x3fff, body.subarray(at + 4, at + size));
    at += aligned(size);
  }
  return found;
}

/** `struct ifinfomsg`. */
export function linkHeader(
  index: number,
  { flags = 0, change = 0 }: { readonly flags?: number; readonly change?: number } = {},
): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setInt32(4, index, true);
  view.setUint32(8, flags, true);
  view.setUint32(12, change, true);
  return bytes;
}

/** What a link's message says of it. */
export function linkOf({ body }: Message): { readonly index: number; readonly flags: number } {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  return { index: view.getInt32(4, true), flags: view.getUint32(8, true) };
}

/**
 * An address that somebody has given to a link for the whole network, as it is to be given to another.
 *
 * @returns nothing for another link's, and for what is local or comes and goes by itself
 */
export function keptAddress(
  { body }: Message,
  index: number,
): { readonly fixed: Uint8Array; readonly attributes: readonly Attribute[] } | undefined {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const all = attributesOf(body, 8);
  const flagBytes = all.get(IFA.FLAGS);
  const flags = flagBytes === undefined
    ? body[2]!
    : new DataView(flagBytes.buffer, flagBytes.byteOffset).getUint32(0, true);
  const kept = view.getUint32(4, true) === index && body[3] === RT_SCOPE_UNIVERSE &&
    (flags & IFA_F.PERMANENT) !== 0;
  if (!kept) return undefined;
  const wanted = [IFA.LOCAL, IFA.ADDRESS, IFA.BROADCAST, IFA.RT_PRIORITY];
  const attributes = wanted.flatMap((type): Attribute[] => {
    const value = all.get(type);
    return value === undefined ? [] : [[type, value.slice()]];
  });
  attributes.push([IFA.FLAGS, u32(flags & IFA_F_WANTED)]);
  return { fixed: addressHeader(body), attributes };
}

/** `struct ifaddrmsg` with family, prefix length and scope; the link is for {@link onLink} to say. */
function addressHeader(body: Uint8Array): Uint8Array {
  return new Uint8Array([body[0]!, body[1]!, 0, body[3]!, 0, 0, 0, 0]);
}

/** The same address on a link. */
export function onLink(fixed: Uint8Array, index: number): Uint8Array {
  const bytes = fixed.slice();
  bytes.set(u32(index), 4);
  return bytes;
}
