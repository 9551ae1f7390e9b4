/**
 * The engine's side of the Task API.
 *
 * @module
 */

import { connect, type Connection, connection, runtimeArgv } from "../../ffi/mod.ts";
import { CtrError, type CtrErrorFields, type ErrorCode } from "../errors.ts";
import { close, open, socketPair, spawnHost } from "../program/mod.ts";
import { decode, type Decoded, type Encodable, encode } from "./protobuf.ts";
import { socketPath } from "./socket_path.ts";
import { StdioReader } from "./stdio_frames.ts";
import {
  ATTACH_REQUEST,
  ATTACH_SERVICE,
  GRPC_CODES,
  type Method,
  METHODS,
  TASK_SERVICE,
} from "./task_api.ts";
import { type Frame, FrameReader, parseResponse, requestFrame } from "./ttrpc.ts";

type Reply = { payload: Uint8Array } | { error: Error };

/** A connection to a shim. Calls may overlap. */
export class ShimClient {
  readonly #pending = new Map<number, (reply: Reply) => void>();
  readonly #frames = new FrameReader();
  #connection!: Connection;
  #next = 1;
  #gone = false;

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

  /** Call a method of the Task API. */
  async call<M extends Method>(
    method: M,
    request: Encodable<typeof METHODS[M]["request"]>,
  ): Promise<Decoded<typeof METHODS[M]["response"]>> {
    const { request: fields, response } = METHODS[method];
    const stream = this.#next;
    this.#next += 2;
    const reply = await new Promise<Reply>((resolve) => {
      if (this.#gone) return resolve({ error: shimGone() });
      this.#pending.set(stream, resolve);
      this.#connection.write(
        requestFrame(stream, TASK_SERVICE, method, encode(fields, request as never)),
      );
    });
    if ("error" in reply) throw reply.error;
    return decode(response, reply.payload) as Decoded<typeof METHODS[M]["response"]>;
  }

  close(): void {
    this.#connection.close();
  }

  #answered(frame: Frame): void {
    const response = parseResponse(frame);
    const resolve = this.#pending.get(frame.stream);
    this.#pending.delete(frame.stream);
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
        for (const resolve of this.#pending.values()) resolve({ error: shimGone() });
        this.#pending.clear();
      },
    };
  }
}

/** The stdio of a process, seen from a client. */
export interface Attachment {
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** End of input. */
  endStdin(): void;
  /** Resolves when all output has come. */
  readonly ended: Promise<void>;
  detach(): void;
}

/** What an attached client does with output. `stream` is 1 or 2. */
export type OnOutput = (stream: number, bytes: Uint8Array) => void;

/** Attach over a connected socket. */
export function attachOver(
  fd: number,
  target: { id: string; execId?: string },
  onOutput: OnOutput,
): Attachment {
  const { handler, attachment } = attaching(onOutput);
  attachment.begin(connection(fd, handler), target);
  return attachment;
}

/** Attach to a process of a running container. */
export async function attachTo(
  execDir: string,
  target: { id: string; execId?: string },
  onOutput: OnOutput,
): Promise<Attachment> {
  const { handler, attachment } = attaching(onOutput);
  attachment.begin(await reach(execDir, handler), target);
  return attachment;
}

function attaching(onOutput: OnOutput) {
  const frames = new FrameReader();
  const output = new StdioReader();
  let accepted = false;
  let peer: Connection;
  let ended!: () => void;
  let failed!: (error: Error) => void;
  const done = new Promise<void>((resolve, reject) => {
    ended = resolve;
    failed = reject;
  });
  done.catch(() => {});
  const header = (length: number) => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setUint32(4, length);
    return bytes;
  };
  return {
    handler: {
      onData(bytes: Uint8Array): void {
        if (!accepted) {
          // The answer is the first frame; what follows is output.
          frames.push(bytes);
          const frame = frames.next();
          if (frame === undefined) return;
          accepted = true;
          const status = parseResponse(frame)?.status;
          if (status !== undefined) failed(toError(status));
          bytes = frames.rest();
        }
        output.push(bytes, (stream, data) => data.length > 0 && onOutput(stream, data));
      },
      onEnd(): void {
        ended();
        peer.close();
      },
      onClose(): void {
        ended();
      },
    },
    attachment: {
      begin(made: Connection, { id, execId = "" }: { id: string; execId?: string }): void {
        peer = made;
        const payload = encode(ATTACH_REQUEST, { id, execId });
        peer.write(requestFrame(1, ATTACH_SERVICE, "Attach", payload));
      },
      write(bytes: Uint8Array): Promise<void> | undefined {
        if (bytes.length === 0) return undefined;
        peer.write(header(bytes.length));
        return peer.write(bytes);
      },
      endStdin(): void {
        peer.write(header(0));
      },
      ended: done,
      detach: () => peer.close(),
    },
  };
}

async function reach(
  execDir: string,
  handler: Parameters<typeof connect>[1],
): Promise<Connection> {
  let directory: number | undefined;
  try {
    directory = open(execDir, 0o200000);
    return await connect(socketPath(execDir, directory), handler);
  } catch (cause) {
    throw new CtrError({
      code: "not_found",
      operation: "reach shim",
      subject: execDir,
      reason: "the container is not running",
      cause,
    });
  } finally {
    if (directory !== undefined) close(directory);
  }
}

/** A shim that was just started, and the two connections it was born with. */
export interface SpawnedShim {
  readonly pid: number;
  readonly client: ShimClient;
  /** A socket for {@link attachOver}; the caller's to use once or to close. */
  readonly attachFd: number;
}

/**
 * Start a shim. It needs about 10 ms until it answers; the caller does something else meanwhile.
 *
 * @param env `NAME=value`
 * @param script the shim's program; default: the source beside this file
 */
export function spawnShim(
  env: readonly string[],
  script: string = new URL("./main.ts", import.meta.url).pathname,
): SpawnedShim {
  const [client, control] = socketPair();
  const [attachFd, attach] = socketPair();
  const devNull = open("/dev/null", 2);
  try {
    const pid = spawnHost({
      argv: [...runtimeArgv, script],
      env,
      fds: [devNull, devNull, devNull, control, attach],
      newSession: true,
      cwd: "/",
    });
    return { pid, client: ShimClient.over(client), attachFd };
  } finally {
    for (const fd of [control, attach, devNull]) close(fd);
  }
}

function shimGone(): CtrError {
  return new CtrError({
    code: "unavailable",
    operation: "reach shim",
    reason: "its process ended",
  });
}

/** The shim's own errors come as JSON of their fields; others as text. */
function toError({ code, message }: { code: number; message: string }): CtrError {
  try {
    return new CtrError(JSON.parse(message) as CtrErrorFields);
  } catch {
    const name = Object.entries(GRPC_CODES).find(([, number]) => number === code)?.[0];
    return new CtrError({
      code: (name ?? "internal") as ErrorCode,
      operation: "call shim",
      reason: message,
    });
  }
}
