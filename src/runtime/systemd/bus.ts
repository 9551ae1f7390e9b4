/**
 * A D-Bus client on a unix socket: calls with their replies, and signals.
 *
 * @see https://dbus.freedesktop.org/doc/dbus-specification.html#auth-protocol
 * @module
 */

import { connect, type Connection } from "../../../ffi/mod.ts";
import { CtrError, type ErrorCode } from "../../errors.ts";
import { decodeMessage, encodeMessage, type Message, messageLength } from "./message.ts";
import type { DBusValue } from "./signature.ts";

/** Where a service listens. */
export interface BusAddress {
  /** The path of a socket. */
  readonly socket: string;
  /** The service itself is at its other end, not a bus that knows the service. */
  readonly direct: boolean;
}

/** A method to call. */
export interface BusCall {
  /** The service's name; ignored by a service that is talked to directly. */
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly DBusValue[];
}

/** A service said no. */
export class BusError extends CtrError {
  /** As `org.freedesktop.DBus.Error.AccessDenied`. */
  readonly errorName: string;

  constructor(operation: string, subject: string, errorName: string, text: string) {
    const code = BUS_ERRORS[errorName.slice(errorName.lastIndexOf(".") + 1)] ?? "internal";
    super({ code, operation, subject, reason: `${text || "no reason given"} (${errorName})` });
    this.errorName = errorName;
  }
}

const BUS_ERRORS: Readonly<Record<string, ErrorCode>> = {
  AccessDenied: "permission_denied",
  AuthFailed: "unauthenticated",
  InteractiveAuthorizationRequired: "permission_denied",
  InvalidArgs: "invalid_argument",
  NameHasNoOwner: "unavailable",
  NoReply: "unavailable",
  NoSuchUnit: "not_found",
  PropertyReadOnly: "invalid_argument",
  ServiceUnknown: "unavailable",
  UnitExists: "already_exists",
};

/** How long a reply may take; what libdbus allows. */
const PATIENCE_MS = 25_000;

const BUS = {
  destination: "org.freedesktop.DBus",
  path: "/org/freedesktop/DBus",
  interface: "org.freedesktop.DBus",
} as const;

/** Who hears of what is not an answer. */
export interface BusListener {
  signal(message: Message): void;
  /** Nothing more will come. */
  ended(error: Error): void;
}

interface Waiting {
  readonly call: BusCall;
  done(body: readonly DBusValue[]): void;
  failed(error: Error): void;
}

/** A connection, which must be closed: it keeps the program from ending. */
export class Bus {
  #socket: Connection | undefined;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<BusListener>();
  #received: Uint8Array = new Uint8Array(0);
  #greeted = false;
  /** Called when the server has let us in, or nobody answers any longer. */
  #welcome: (error?: Error) => void = () => {};
  #serial = 0;
  #ended: CtrError | undefined;

  private constructor() {}

  /**
   * Connect and say hello. Who we are is what the kernel tells of the socket, which is right in a user
   * namespace too, where our user id is not the one that the service sees.
   *
   * @throws {CtrError} `unavailable` when nobody answers
   */
  static async connect({ socket, direct }: BusAddress): Promise<Bus> {
    const bus = new Bus();
    const ended = () => bus.#end("the connection was closed");
    try {
      bus.#socket = await connect(socket, {
        onData: (bytes) => bus.#receive(bytes),
        onEnd: ended,
        onClose: ended,
      });
    } catch (error) {
      throw new CtrError({
        code: "unavailable",
        operation: "connect to D-Bus",
        subject: socket,
        reason: (error as Error).message,
        cause: error,
      });
    }
    try {
      await bus.#greet();
      if (!direct) await bus.call({ ...BUS, member: "Hello" });
    } catch (error) {
      bus.close();
      throw error;
    }
    return bus;
  }

  /**
   * Call a method. Calls are answered in any order, and need not be waited for one by one.
   *
   * @throws {BusError} when it fails, {CtrError} `deadline_exceeded` when it takes 25 s
   */
  call(call: BusCall): Promise<readonly DBusValue[]> {
    const serial = ++this.#serial;
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      const timer = setTimeout(() => settle(() => reject(tooLate(call.member))), PATIENCE_MS);
      const settle = (outcome: () => void) => {
        clearTimeout(timer);
        this.#waiting.delete(serial);
        outcome();
      };
      this.#waiting.set(serial, {
        call,
        done: (body) => settle(() => resolve(body)),
        failed: (error) => settle(() => reject(error)),
      });
      this.#send(encodeMessage({ kind: "call", serial, ...call }));
    });
  }

  /** Have a bus hand on signals; a service that is talked to directly sends them anyway. */
  subscribe(rule: string): Promise<unknown> {
    return this.call({ ...BUS, member: "AddMatch", signature: "s", body: [rule] });
  }

  listen(listener: BusListener): void {
    this.#listeners.add(listener);
  }

  /** Calls that are under way fail. */
  close(): void {
    this.#end("the connection was closed");
  }

  /** A message that came together with this would not be read by systemd before another one comes. */
  async #greet(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(tooLate("AUTH")), PATIENCE_MS);
      this.#welcome = (error) => {
        clearTimeout(timer);
        if (error === undefined) resolve();
        else reject(error);
      };
      if (this.#ended !== undefined) return this.#welcome(this.#ended);
      this.#send(new TextEncoder().encode("\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n"));
    });
  }

  #send(bytes: Uint8Array): void {
    void this.#socket?.write(bytes)?.catch(() => {}); // onClose says so
  }

  #end(reason: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = new CtrError({ code: "unavailable", operation: "talk over D-Bus", reason });
    this.#welcome(this.#ended);
    for (const { failed } of [...this.#waiting.values()]) failed(this.#ended);
    for (const { ended } of this.#listeners) ended(this.#ended);
    this.#socket?.close();
  }

  #receive(bytes: Uint8Array): void {
    const all = new Uint8Array(this.#received.length + bytes.length);
    all.set(this.#received);
    all.set(bytes, this.#received.length);
    this.#received = all;
    try {
      if (!this.#greeted && !this.#greeting()) return;
      for (let next = this.#next(); next !== undefined; next = this.#next()) {
        const message = decodeMessage(next);
        if (message !== undefined) this.#dispatch(message);
      }
    } catch (error) {
      this.#end((error as CtrError).reason ?? String(error));
    }
  }

  /** The lines before the messages: `DATA`, an empty challenge, and `OK` with the server's id. */
  #greeting(): boolean {
    const LINE_FEED = 10;
    for (let end; (end = this.#received.indexOf(LINE_FEED)) >= 0;) {
      const line = new TextDecoder().decode(this.#received.subarray(0, end)).trimEnd();
      this.#received = this.#received.subarray(end + 1);
      if (/^DATA *$/.test(line)) continue;
      if (!line.startsWith("OK ")) {
        this.#end(`it does not accept who we are: ${JSON.stringify(line)}`);
        return false;
      }
      this.#greeted = true;
      this.#welcome();
      return true;
    }
    return false;
  }

  #next(): Uint8Array | undefined {
    const length = messageLength(this.#received);
    if (length === undefined || length > this.#received.length) return undefined;
    const message = this.#received.slice(0, length);
    this.#received = this.#received.subarray(length);
    return message;
  }

  #dispatch(message: Message): void {
    if (message.kind === "signal") {
      for (const { signal } of this.#listeners) signal(message);
      return;
    }
    const waiting = this.#waiting.get(message.replySerial ?? 0);
    if (waiting === undefined) return;
    if (message.kind === "return") return waiting.done(message.body ?? []);
    const { call } = waiting;
    const text = typeof message.body?.[0] === "string" ? message.body[0] : "";
    waiting.failed(new BusError("call", call.member, message.errorName ?? "", text));
  }
}

function tooLate(member: string): CtrError {
  return new CtrError({
    code: "deadline_exceeded",
    operation: "call",
    subject: member,
    reason: "no answer within 25 s",
  });
}
