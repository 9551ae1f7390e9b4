/**
 * The bytes of a blob from one server, over as many connections as that takes.
 *
 * @module
 */

import type { Hash } from "node:crypto";
import { RegistryError } from "./registry_error.ts";
import type { Transport } from "./transport.ts";
import type { Descriptor } from "./types.ts";

/** How far a download is. */
export interface Download {
  received: number;
  readonly hash: Hash;
  /** What the server called the bytes that came. */
  etag: string | undefined;
  /** The server does not give parts. */
  whole: boolean;
  /** How often it broke off. */
  breaks: number;
}

/** A connection that breaks more often has somebody at the other end who wants us to come back. */
const MOST_BREAKS = 100;

/** What is still missing of a blob, from one server. */
export async function* downloadFrom(
  transport: Transport,
  url: URL,
  { digest, size }: Descriptor,
  state: Download,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  state.etag = undefined; // of another server
  for (let attempt = 1;; attempt++) {
    const before = state.received;
    try {
      if (before === size && before > 0) return;
      const response = await transport.send(url, { headers: rangeOf(state, size), signal });
      state.etag ??= response.headers.get("etag") ?? undefined;
      const start = startOf(transport, digest, response, before);
      let skip = before - start;
      for await (let bytes of transport.chunks(response)) {
        if (skip > 0) {
          const drop = Math.min(skip, bytes.length);
          bytes = bytes.subarray(drop);
          skip -= drop;
          if (bytes.length === 0) continue;
        }
        if (state.received + bytes.length > size) {
          throw transport.damaged(digest, `the registry sends more than its ${size} bytes`);
        }
        state.received += bytes.length;
        state.hash.update(bytes);
        yield bytes;
      }
      if (state.received < size) {
        const whole = start + Number(response.headers.get("content-length") ?? NaN);
        if (whole !== state.received) throw new TypeError("the connection ended early");
        throw transport.damaged(digest, `the registry has ${whole} of its ${size} bytes`);
      }
      return;
    } catch (error) {
      if (error instanceof RegistryError && error.status === 416 && !state.whole) {
        state.whole = true;
        continue;
      }
      if (++state.breaks > MOST_BREAKS) throw error;
      if (state.received > before) attempt = 1; // there was progress
      await transport.pauseOrThrow(error, attempt, signal);
    }
  }
}

/** What to ask for; all of it again where the server has something else by now. */
function rangeOf({ etag, received, whole }: Download, size: number): Record<string, string> {
  if (received === 0 || whole) return {};
  // Not every registry knows a range without an end.
  const range = { Range: `bytes=${received}-${size - 1}` };
  return etag?.startsWith('"') ? { ...range, "If-Range": etag } : range;
}

/** The offset of the first byte of an answer: a server that does not know ranges sends it all. */
function startOf(transport: Transport, digest: string, response: Response, asked: number): number {
  if (response.status !== 206) return 0;
  const start = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? `bytes ${asked}-`);
  if (start !== null && Number(start[1]) <= asked) return Number(start[1]);
  throw transport.damaged(digest, "the registry sends another part than was asked for");
}
