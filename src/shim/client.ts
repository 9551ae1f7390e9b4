/**
 * The engine's side of the Task API.
 *
 * @module
 */

import { connect, type Connection, connection } from "../../ffi/mod.ts";
import { CtrError, type CtrErrorFields, type ErrorCode } from "../errors.ts";
import { decode, type Decoded, type Encodable, encode } from "./protobuf.ts";
import { reach } from "./reach.ts";
import { ERROR_TYPE, GRPC_CODES, type Method, METHODS, TASK_SERVICE } from "./task_api.ts";
import { type Frame, FrameReader, parseResponse, requestFrame, type Status } from "./ttrpc.ts";

type Reply = { payload: Uint8Array } | { error: Error };

/** A connection to a shim. Calls may overlap. */
export class ShimClient {
  readonly #pending = new Map<number, (reply: Reply) => void>();
  readonly #frames = new FrameReader();
  #connection!: Connection;
  #next = 1;
  #gone = false;
  #unrefs = false;
  #onGone = () => {};

  /** Over a connected socket. */
  static over(fd: number): ShimClient {
    const client = new ShimClient();
    client.#connection = connection(fd, client.#handler());
    return client;
  }

  /**
   * To the shim of a running container.
   *
   * @throws {CtrError} `not_found` when it does not run
   */
  static async to(execDir: string): Promise<ShimClient> {
    const client = new ShimClient();
    client.#connection = await reach(execDir, client.#handler());
    return client;
  }

  /** To the shim that listens at a path. @throws {Error} when nobody does */
  static async at(path: string): Promise<ShimClient> {
    const client = new ShimClient();
    client.#connection = await connect(path, client.#handler());
    return client;
  }

  /** Call a method of the Task API. */
  async call<M extends Method>(
    method: M,
    request: Encodable<typeof METHODS[M]["request"]>,
  ): Promise<Decoded<typeof METHODS[M]["response"]>> {
    return await this.#reply(
      method,
      (stream) => this.#connection.write(callFrame(stream, method, request)),
    );
  }

  /** The answer to a call whose frame was written to the socket before: the first one, stream 1. */
  async answerTo<M extends Method>(
    method: M,
  ): Promise<Decoded<typeof METHODS[M]["response"]>> {
    return await this.#reply(method, () => {});
  }

  async #reply<M extends Method>(
    method: M,
    send: (stream: number) => void,
  ): Promise<Decoded<typeof METHODS[M]["response"]>> {
    const stream = this.#next;
    this.#next += 2;
    const reply = await new Promise<Reply>((resolve) => {
      if (this.#gone) return resolve({ error: shimGone() });
      if (this.#unrefs && this.#pending.size === 0) this.#connection.ref();
      this.#pending.set(stream, resolve);
      send(stream);
    });
    if ("error" in reply) throw reply.error;
    return decode(METHODS[method].response, reply.payload) as Decoded<
      typeof METHODS[M]["response"]
    >;
  }

  /** Resolves when the other side is gone. */
  ended(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#gone) resolve();
      else this.#onGone = resolve;
    });
  }

  /** True when no call can succeed any more. */
  get gone(): boolean {
    return this.#gone;
  }

  /** Let the runtime end although the connection is open: only calls under way keep it alive. */
  keepAliveForCallsOnly(): void {
    this.#unrefs = true;
    if (this.#pending.size === 0) this.#connection.unref();
  }

  close(): void {
    this.#connection.close();
  }

  #answered(frame: Frame): void {
    const response = parseResponse(frame);
    const resolve = this.#pending.get(frame.stream);
    this.#pending.delete(frame.stream);
    if (this.#unrefs && this.#pending.size === 0) this.#connection.unref();
    if (resolve === undefined || response === undefined) return;
    resolve(
      response.status === undefined
        ? { payload: response.payload }
        : { error: toError(response.status) },
    );
  }

  #handler() {
    return {
      onData: (bytes: Uint8Array) => {
        try {
          this.#frames.push(bytes);
          for (let frame; (frame = this.#frames.next()) !== undefined;) this.#answered(frame);
        } catch {
          this.#connection.close(); // not ttrpc: every call fails
        }
      },
      onEnd: () => this.#connection.close(),
      onClose: () => {
        this.#gone = true;
        this.#onGone();
        for (const resolve of this.#pending.values()) resolve({ error: shimGone() });
        this.#pending.clear();
      },
    };
  }
}

/** The frame of a call. */
export function callFrame<M extends Method>(
  stream: number,
  method: M,
  request: Encodable<typeof METHODS[M]["request"]>,
): Uint8Array {
  return requestFrame(
    stream,
    TASK_SERVICE,
    method,
    encode(METHODS[method].request, request as never),
  );
}

/** The error of a call whose answer will never come. */
export function shimGone(): CtrError {
  return new CtrError({
    code: "unavailable",
    operation: "reach shim",
    reason: "its process ended",
  });
}

/** Our own shim's errors come with their fields; others as text. */
export function toError({ code, message, details = [] }: Status): CtrError {
  const own = details.find(({ typeUrl }) => typeUrl === ERROR_TYPE);
  if (own !== undefined) {
    return new CtrError(JSON.parse(new TextDecoder().decode(own.value)) as CtrErrorFields);
  }
  const name = Object.entries(GRPC_CODES).find(([, number]) => number === code)?.[0];
  return new CtrError({
    code: (name ?? "internal") as ErrorCode,
    operation: "call shim",
    reason: message,
  });
}
