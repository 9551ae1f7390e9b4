/**
 * The stdio of a process, from the client's side.
 *
 * @module
 */

import { type Connection, connection, type ConnectionHandler } from "../../ffi/mod.ts";
import { shimGone, toError } from "./client.ts";
import { encode } from "./protobuf.ts";
import { reach } from "./reach.ts";
import { STDIN, stdioFrame, StdioReader } from "./stdio_frames.ts";
import { ATTACH_REQUEST, ATTACH_SERVICE } from "./task_api.ts";
import { FrameReader, parseResponse, requestFrame } from "./ttrpc.ts";

/** The stdio of a process, seen from a client. */
export interface Attachment {
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** End of input. */
  endStdin(): void;
  /** Resolves when the shim has found the process: it will send everything from here on. */
  readonly accepted: Promise<void>;
  /** Resolves when all output has come. */
  readonly ended: Promise<void>;
  detach(): void;
}

/** What an attached client does with output. `stream` is 1 or 2. */
export type OnOutput = (stream: number, bytes: Uint8Array) => void;

/** Whose stdio. */
export interface AttachTarget {
  readonly id: string;
  /** Absent: the container's first process. */
  readonly execId?: string;
}

/** Attach over a connected socket, whose owner this becomes. `accepted` need not be waited for. */
export function attachOver(fd: number, target: AttachTarget, onOutput: OnOutput): Attachment {
  const client = new AttachedClient(onOutput);
  client.begin(connection(fd, client), target);
  return client;
}

/**
 * Attach to a process by the socket of its shim. Resolves when it is attached.
 *
 * @throws {CtrError} `not_found` when there is no such shim or process
 */
export async function attachTo(
  execDir: string,
  target: AttachTarget,
  onOutput: OnOutput,
): Promise<Attachment> {
  const client = new AttachedClient(onOutput);
  client.begin(await reach(execDir, client), target);
  await client.accepted;
  return client;
}

/** The shim refuses frames above 16 MiB; smaller ones also let others in between. */
const MAX_PIECE = 1 << 20;

class AttachedClient implements Attachment, ConnectionHandler {
  readonly #onOutput: OnOutput;
  readonly #frames = new FrameReader();
  readonly #output = new StdioReader();
  readonly #accepted = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  #isAccepted = false;
  #connection!: Connection;

  constructor(onOutput: OnOutput) {
    this.#onOutput = onOutput;
    this.#accepted.promise.catch(() => {});
    this.#ended.promise.catch(() => {});
  }

  get accepted(): Promise<void> {
    return this.#accepted.promise;
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  begin(connection: Connection, { id, execId = "" }: AttachTarget): void {
    this.#connection = connection;
    const payload = encode(ATTACH_REQUEST, { id, execId });
    connection.write(requestFrame(1, ATTACH_SERVICE, "Attach", payload));
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    let sent: Promise<void> | undefined;
    for (let at = 0; at < bytes.length; at += MAX_PIECE) {
      sent = this.#connection.write(stdioFrame(STDIN, bytes.subarray(at, at + MAX_PIECE)));
    }
    return sent;
  }

  endStdin(): void {
    this.#connection.write(stdioFrame(STDIN, new Uint8Array(0)));
  }

  detach(): void {
    this.#connection.close();
  }

  onData(bytes: Uint8Array): void {
    if (!this.#isAccepted) {
      // The answer is the first frame; what follows is output.
      this.#frames.push(bytes);
      const frame = this.#frames.next();
      if (frame === undefined) return;
      const status = parseResponse(frame)?.status;
      if (status !== undefined) {
        const error = toError(status);
        this.#accepted.reject(error);
        this.#ended.reject(error);
        return;
      }
      this.#isAccepted = true;
      this.#accepted.resolve();
      bytes = this.#frames.rest();
    }
    this.#output.push(bytes, (stream, data) => data.length > 0 && this.#onOutput(stream, data));
  }

  onEnd(): void {
    this.#ended.resolve();
    this.#connection.close();
  }

  onClose(): void {
    this.#accepted.reject(shimGone());
    this.#ended.resolve();
  }
}
