/**
 * Tells containerd what happens: by its ttrpc socket, or by the program that it names for that.
 *
 * @module
 */

import { connect, type Connection } from "../../../ffi/mod.ts";
import { close, open, pipe, spawnHost, writeAll } from "../../program/mod.ts";
import { ownerParts } from "../../runtime/mod.ts";
import { encode, type Message } from "../protobuf.ts";
import { ANY, TIMESTAMP } from "../task_api.ts";
import { FrameReader, requestFrame } from "../ttrpc.ts";
import { type EventFields, type EventKind, type PackedEvent, packEvent } from "./task_events.ts";

const SERVICE = "containerd.services.events.ttrpc.v1.Events";
const FORWARD = {
  envelope: [1, {
    timestamp: [1, TIMESTAMP],
    namespace: [2, "string"],
    topic: [3, "string"],
    event: [4, ANY],
  }],
} as const satisfies Message;

/** An event is tried again this often while containerd is away, at growing distances. */
const ATTEMPTS = 6;

/** Where events go. */
export interface PublisherOptions {
  readonly namespace: string;
  /** containerd's ttrpc socket, if it has one. */
  readonly ttrpcAddress: string | undefined;
  /** Else the command that publishes: `[PATH, "--address", ADDRESS]`. */
  readonly command: readonly string[] | undefined;
  readonly env: readonly string[];
  readonly warn: (message: string) => void;
}

/** Publishes events in their order. */
export class Publisher {
  readonly #options: PublisherOptions;
  #last: Promise<void> = Promise.resolve();
  #connection: Connection | undefined;
  #answers = new Map<number, (came: boolean) => void>();
  #nextStream = 1;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Publish what happens now. Returns at once. */
  publish<K extends EventKind>(kind: K, fields: EventFields<K>): void {
    const packed = packEvent(kind, fields);
    this.#last = this.#last.then(() => this.#deliver(packed));
  }

  /** Resolves when all events so far have been delivered or given up. */
  flushed(): Promise<void> {
    return this.#last;
  }

  async #deliver(event: PackedEvent): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, 100 << attempt));
      try {
        if (await this.#forward(event)) return;
      } catch {
        // containerd may be about to start again.
      }
    }
    this.#options.warn(`cannot publish ${event.topic}: containerd does not answer`);
  }

  async #forward(event: PackedEvent): Promise<boolean> {
    const { ttrpcAddress, namespace, command } = this.#options;
    if (ttrpcAddress === undefined) {
      return command === undefined ? true : await this.#run(command, event);
    }
    this.#connection ??= await this.#connect(ttrpcAddress);
    const stream = this.#nextStream;
    this.#nextStream += 2;
    const answered = new Promise<boolean>((resolve) => this.#answers.set(stream, resolve));
    const payload = encode(FORWARD, { envelope: { namespace, ...event } });
    const metadata = [{ key: "containerd-namespace-ttrpc", value: namespace }];
    this.#connection.write(requestFrame(stream, SERVICE, "Forward", payload, metadata));
    return await answered;
  }

  async #connect(address: string): Promise<Connection> {
    const frames = new FrameReader();
    const gone = () => {
      this.#connection = undefined;
      for (const answer of this.#answers.values()) answer(false);
      this.#answers.clear();
    };
    const connection = await connect(address.replace(/^unix:\/\//, ""), {
      onData: (bytes) => {
        frames.push(bytes);
        for (let frame; (frame = frames.next()) !== undefined;) {
          this.#answers.get(frame.stream)?.(true); // an error it will not take back
          this.#answers.delete(frame.stream);
        }
      },
      onEnd: () => connection.close(),
      onClose: gone,
    });
    connection.unref();
    return connection;
  }

  /** The program reads the event from its stdin. */
  async #run(command: readonly string[], { topic, event }: PackedEvent): Promise<boolean> {
    const { namespace, env } = this.#options;
    const [stdin, write] = pipe();
    const devNull = open("/dev/null", 2);
    let pid: number;
    try {
      pid = spawnHost({
        argv: [...command, "publish", "--topic", topic, "--namespace", namespace],
        env,
        fds: [stdin, devNull, devNull],
        cwd: "/",
      });
      writeAll(write, encode(ANY, event), topic);
    } finally {
      for (const fd of [stdin, write, devNull]) close(fd);
    }
    return await (await ownerParts()).childEnded(pid) === 0;
  }
}
