/**
 * The program of a thread that unpacks layers, which come to it in pieces.
 *
 * @module
 */

import { parentPort } from "node:worker_threads";
import type { ApplyResult } from "../snapshot/mod.ts";
import { flush } from "./flush.ts";
import { type Answer, errorFields, type Order } from "./unpack_messages.ts";
import { unpackTar, type UnpackTask } from "./unpack_tar.ts";

/** Bytes of a layer that are worth a wait in between. */
const FLUSH_FROM = 8 << 20;

const port = parentPort!;
const sources = new Map<number, Source>();

port.on("message", (order: Order) => {
  if ("begin" in order) {
    const source = new Source(order.id);
    sources.set(order.id, source);
    void unpackAndFlush(order.begin, source.chunks()).then(
      (result) => answer({ id: order.id, result }),
      (error) => answer({ id: order.id, error: errorFields(error) }),
    ).finally(() => sources.delete(order.id));
  } else if ("chunk" in order) {
    sources.get(order.id)?.push(new Uint8Array(order.chunk));
  } else {
    sources.get(order.id)?.end(order.end);
  }
});

/** In the end all must be on disk. Here the disk works while the other threads do. */
async function unpackAndFlush(
  task: UnpackTask,
  source: AsyncIterable<Uint8Array>,
): Promise<ApplyResult> {
  const result = await unpackTar(task, source);
  if (result.usage.bytes >= FLUSH_FROM) flush(task.target.root);
  return result;
}

function answer(what: Answer): void {
  port.postMessage(what);
}

/** The pieces of a layer that came and were not taken yet. */
class Source {
  readonly #id: number;
  readonly #waiting: Uint8Array[] = [];
  #end: "complete" | "failed" | undefined;
  #wake = (): void => {};

  constructor(id: number) {
    this.#id = id;
  }

  push(chunk: Uint8Array): void {
    this.#waiting.push(chunk);
    this.#wake();
  }

  end(how: "complete" | "failed"): void {
    this.#end = how;
    this.#wake();
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#waiting.shift();
      if (chunk !== undefined) {
        const { length } = chunk;
        yield chunk;
        answer({ id: this.#id, taken: length });
      } else if (this.#end === "complete") {
        return;
      } else if (this.#end === "failed") {
        throw new Error("the layer does not come");
      } else {
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    }
  }
}

answer({ ready: true });
