/**
 * Netlink messages: what goes to the kernel and what it answers. Pure.
 *
 * @see https://man7.org/linux/man-pages/man7/netlink.7.html
 * @module
 */

import {
  aligned,
  type Attribute,
  decodeAttributes,
  encodeAttributes,
  joined,
  numberOf,
  textOf,
} from "./attributes.ts";

/** Flags of a message. */
export const NLM_F = {
  REQUEST: 1,
  MULTI: 2,
  ACK: 4,
  /** Of a request: all that there is. */
  DUMP: 0x300,
  REPLACE: 0x100,
  EXCL: 0x200,
  CREATE: 0x400,
  APPEND: 0x800,
  /** Of an answer: attributes follow. */
  ACK_TLVS: 0x200,
} as const;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
const HEADER = 16;
const NLMSGERR_ATTR_MSG = 1;

/** What a message says, without its number. */
export interface Request {
  readonly type: number;
  /** Beside `REQUEST`. */
  readonly flags: number;
  /** The protocol's own header. */
  readonly fixed: Uint8Array;
  readonly attributes?: readonly Attribute[];
}

/** A message that came. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Without its header. */
  readonly body: Uint8Array;
}

/** The kernel's verdict on a message. */
export interface Verdict {
  /** 0: it was done. */
  readonly errno: number;
  /** What the kernel has to say of it, mostly nothing. */
  readonly text: string;
}

/** A message's bytes. */
export function encodeMessage(request: Request, sequence: number): Uint8Array {
  const attributes = encodeAttributes(request.attributes ?? []);
  const fixed = aligned(request.fixed.length);
  const bytes = new Uint8Array(HEADER + fixed + attributes.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, request.type, true);
  view.setUint16(6, request.flags | NLM_F.REQUEST, true);
  view.setUint32(8, sequence, true);
  bytes.set(request.fixed, HEADER);
  bytes.set(attributes, HEADER + fixed);
  return bytes;
}

/** Messages that are sent as one, numbered from `first`. */
export function encodeMessages(requests: readonly Request[], first: number): Uint8Array {
  return joined(requests.map((request, index) => encodeMessage(request, first + index)));
}

/** The messages of one datagram; what makes no sense ends them. */
export function decodeMessages(datagram: Uint8Array): Message[] {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
  const found: Message[] = [];
  for (let at = 0; at + HEADER <= datagram.length;) {
    const size = view.getUint32(at, true);
    if (size < HEADER || at + size > datagram.length) break;
    found.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      body: datagram.subarray(at + HEADER, at + size),
    });
    at += aligned(size);
  }
  return found;
}

/** What an answer of type `NLMSG_ERROR` or `NLMSG_DONE` says; undefined for any other. */
export function verdictOf({ type, flags, body }: Message): Verdict | undefined {
  if (type !== NLMSG_ERROR && type !== NLMSG_DONE) return undefined;
  const errno = body.length < 4 ? 0 : 0 - (numberOf(body) | 0);
  if (type === NLMSG_DONE || (flags & NLM_F.ACK_TLVS) === 0) return { errno, text: "" };
  // The message that it is about comes first: its header, or with an old kernel all of it.
  const about = body.length < 8 ? 0 : numberOf(body.subarray(4));
  const capped = (flags & 0x100) !== 0;
  const rest = body.subarray(4 + (capped ? HEADER : aligned(Math.max(about, HEADER))));
  const words = decodeAttributes(rest).find(([kind]) => kind === NLMSGERR_ATTR_MSG);
  return { errno, text: textOf(words?.[1]) };
}
