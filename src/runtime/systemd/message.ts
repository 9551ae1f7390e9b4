/**
 * D-Bus messages: a header that says who is asked for what, and a body of values.
 *
 * @see https://dbus.freedesktop.org/doc/dbus-specification.html#message-protocol-messages
 * @module
 */

import { Marshaller } from "./marshal.ts";
import type { DBusValue, Variant } from "./signature.ts";
import { malformed, Unmarshaller } from "./unmarshal.ts";

/** What a message is. */
export type MessageKind = "call" | "return" | "error" | "signal";

const KINDS: readonly MessageKind[] = ["call", "return", "error", "signal"];

/** A message; which of its header's fields it has depends on its kind. */
export interface Message {
  readonly kind: MessageKind;
  readonly serial: number;
  readonly path?: string;
  readonly interface?: string;
  readonly member?: string;
  readonly errorName?: string;
  /** The serial of the call that this answers. */
  readonly replySerial?: number;
  readonly destination?: string;
  readonly sender?: string;
  /** The types of the body. */
  readonly signature?: string;
  readonly body?: readonly DBusValue[];
}

/** Header fields by their number, which starts with 1. */
const FIELDS = [
  ["path", "o"],
  ["interface", "s"],
  ["member", "s"],
  ["errorName", "s"],
  ["replySerial", "u"],
  ["destination", "s"],
  ["sender", "s"],
  ["signature", "g"],
] as const;

const LITTLE = 0x6c; // "l"
const BIG = 0x42; // "B"
const VERSION = 1;

/** A header's part of fixed size, with the size of the field array. */
const START = 16;

/** Bytes of a message, by specification. */
const MOST_BYTES = 128 << 20;

/** Write a message. */
export function encodeMessage(message: Message): Uint8Array {
  const { signature = "", body = [] } = message;
  const content = new Marshaller();
  content.write(signature, body);
  const fields = FIELDS.flatMap(([name, type], index): DBusValue[] => {
    const value = message[name];
    const variant: Variant = { signature: type, value: value! };
    return value === undefined || value === "" ? [] : [[index + 1, variant]];
  });
  const kind = KINDS.indexOf(message.kind) + 1;
  const whole = new Marshaller();
  whole.write("yyyyuua(yv)", [LITTLE, kind, 0, VERSION, content.length, message.serial, fields]);
  whole.align(8);
  whole.append(content.bytes());
  return whole.bytes();
}

/**
 * How many bytes the message has that begins here; undefined while too few have come to tell.
 *
 * @throws {CtrError} `data_loss` when this is no message
 */
export function messageLength(bytes: Uint8Array): number | undefined {
  if (bytes.length < START) return undefined;
  if (bytes[0] !== LITTLE && bytes[0] !== BIG) throw malformed("it has no byte order");
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const little = bytes[0] === LITTLE;
  const header = START + view.getUint32(12, little);
  const length = Math.ceil(header / 8) * 8 + view.getUint32(4, little);
  if (length > MOST_BYTES) throw malformed("it is too long");
  return length;
}

/**
 * Read a whole message.
 *
 * @returns undefined for one of an unknown kind, which is to be ignored
 * @throws {CtrError} `data_loss` when it is not one
 */
export function decodeMessage(bytes: Uint8Array): Message | undefined {
  const reader = new Unmarshaller(bytes, { little: bytes[0] === LITTLE });
  const [, kind, , version, , serial, fields] = reader.read("yyyyuua(yv)");
  if (version !== VERSION) throw malformed(`version ${String(version)} is unknown`);
  const message: { -readonly [K in keyof Message]: Message[K] } = {
    kind: KINDS[(kind as number) - 1]!,
    serial: serial as number,
  };
  for (const field of fields as readonly [number, Variant][]) {
    const [name, type] = FIELDS[field[0] - 1] ?? [];
    if (name === undefined) continue; // a later version's
    if (field[1].signature !== type) throw malformed(`its ${name} has another type`);
    Object.assign(message, { [name]: field[1].value });
  }
  if (message.kind === undefined) return undefined;
  reader.align(8);
  message.body = reader.read(message.signature ?? "");
  if (reader.at !== bytes.length) throw malformed("its body is longer than its values");
  return message;
}
