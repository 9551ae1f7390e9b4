/**
 * ttrpc: requests and responses with protobuf payloads over a stream, as containerd's shims speak it.
 *
 * A frame is a 10-byte header (u32 length, u32 stream, u8 type, u8 flags, big endian) and its data.
 * Clients use odd streams; a request and its response share one.
 *
 * @see https://github.com/containerd/ttrpc/blob/main/PROTOCOL.md
 * @module
 */

import { decode, encode, type Message } from "./protobuf.ts";

/** Frame types. */
const REQUEST = 1;
const RESPONSE = 2;
const HEADER = 10;
/** ttrpc's own limit. */
const MAX_LENGTH = 4 << 20;

const REQUEST_FIELDS = {
  service: [1, "string"],
  method: [2, "string"],
  payload: [3, "bytes"],
  timeoutNano: [4, "int"],
  metadata: [5, { key: [1, "string"], value: [2, "string"] }, "repeated"],
} as const satisfies Message;

/** google.rpc.Status; its details are google.protobuf.Any. */
const STATUS_FIELDS = {
  code: [1, "int"],
  message: [2, "string"],
  details: [3, { typeUrl: [1, "string"], value: [2, "bytes"] }, "repeated"],
} as const satisfies Message;
const RESPONSE_FIELDS = {
  status: [1, STATUS_FIELDS],
  payload: [2, "bytes"],
} as const satisfies Message;

/** One frame as it came. */
export interface Frame {
  readonly stream: number;
  readonly type: number;
  readonly data: Uint8Array;
}

/** Collects bytes and cuts them into frames. */
export class FrameReader {
  #held: Uint8Array = new Uint8Array(0);

  /** More bytes have come. */
  push(bytes: Uint8Array): void {
    if (this.#held.length === 0) {
      this.#held = bytes;
      return;
    }
    const joined = new Uint8Array(this.#held.length + bytes.length);
    joined.set(this.#held);
    joined.set(bytes, this.#held.length);
    this.#held = joined;
  }

  /**
   * The next whole frame, or undefined until more bytes come.
   *
   * @throws {RangeError} when the peer announces a frame that is larger than the protocol allows
   */
  next(): Frame | undefined {
    const bytes = this.#held;
    if (bytes.length < HEADER) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER);
    const length = view.getUint32(0);
    if (length > MAX_LENGTH) throw new RangeError(`ttrpc frame of ${length} bytes`);
    const end = HEADER + length;
    if (bytes.length < end) return undefined;
    this.#held = bytes.subarray(end);
    return {
      stream: view.getUint32(4),
      type: view.getUint8(8),
      data: bytes.subarray(HEADER, end),
    };
  }

  /** What came after the last frame, for a connection that speaks something else from here on. */
  rest(): Uint8Array {
    const bytes = this.#held;
    this.#held = new Uint8Array(0);
    return bytes;
  }
}

function frame(stream: number, type: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  view.setUint32(4, stream);
  view.setUint8(8, type);
  bytes.set(data, HEADER);
  return bytes;
}

/** A request on the wire. */
export function requestFrame(
  stream: number,
  service: string,
  method: string,
  payload: Uint8Array,
  metadata: readonly { readonly key: string; readonly value: string }[] = [],
): Uint8Array {
  return frame(stream, REQUEST, encode(REQUEST_FIELDS, { service, method, payload, metadata }));
}

/** A successful response on the wire. */
export function responseFrame(stream: number, payload: Uint8Array): Uint8Array {
  return frame(stream, RESPONSE, encode(RESPONSE_FIELDS, { payload }));
}

/** A failure; `code` is gRPC's. */
export interface Status {
  readonly code: number;
  readonly message: string;
  readonly details?: readonly { readonly typeUrl: string; readonly value: Uint8Array }[];
}

/** A failure on the wire. */
export function errorFrame(stream: number, status: Status): Uint8Array {
  return frame(stream, RESPONSE, encode(RESPONSE_FIELDS, { status }));
}

/** What a request asks for. */
export interface Request {
  readonly service: string;
  readonly method: string;
  readonly payload: Uint8Array;
  /** How long the client waits; 0 for ever. */
  readonly timeoutNano: number;
}

/** What a request asks for; undefined when the frame is something else. */
export function parseRequest({ type, data }: Frame): Request | undefined {
  return type === REQUEST ? decode(REQUEST_FIELDS, data) : undefined;
}

/** What a response says; undefined when the frame is something else. */
export function parseResponse(
  { type, data }: Frame,
): { status: Status | undefined; payload: Uint8Array } | undefined {
  if (type !== RESPONSE) return undefined;
  const response = decode(RESPONSE_FIELDS, data);
  const { status } = response;
  return {
    status: status === undefined || status.code === 0 ? undefined : status,
    payload: response.payload,
  };
}
