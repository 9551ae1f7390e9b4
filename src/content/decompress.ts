/**
 * Layer blobs to tar: gzip, zstd or plain, told by the first bytes, since media types lie; archives
 * that a person gave also xz and bzip2.
 *
 * @module
 */

import { Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { CtrError } from "../errors.ts";
import { type Gunzip, gunzip } from "./gunzip.ts";
import { isZstd, zstdFrames } from "./zstd_frames.ts";

/** Larger chunks than the default. */
const CHUNK = 256 << 10;

/**
 * The uncompressed bytes of a layer. Memory is bounded: it is read as slowly as it is consumed, and a
 * chunk is valid only until the next one is asked for.
 *
 * @param options.programs whether xz and bzip2 are run for what they made
 * @throws {CtrError} `data_loss` when the compressed data is malformed.
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  { programs = false }: { readonly programs?: boolean } = {},
): AsyncIterable<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  let head = new Uint8Array(0);
  let done = false;
  while (head.length < 6 && !done) {
    const next = await iterator.next();
    if (next.done === true) done = true;
    else head = head.length === 0 ? new Uint8Array(next.value) : join(head, next.value);
  }
  const rest = (async function* () {
    try {
      if (head.length > 0) yield head;
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  })();
  const gzip = isGzip(head) ? gunzip() : undefined;
  if (gzip !== undefined) {
    yield* decompressed(gzip, rest);
    return;
  }
  const decoder = decoderOf(head);
  if (decoder === undefined) {
    if (programs) {
      const { byProgram, programFor } = await import("./decompress_program.ts");
      const program = programFor(head);
      if (program !== undefined) {
        yield* byProgram(program, rest);
        return;
      }
    }
    yield* rest;
    return;
  }
  const input = Readable.from(isZstd(head) ? zstdFrames(rest) : rest, { objectMode: false });
  input.on("error", (error) => decoder.destroy(error));
  input.pipe(decoder);
  try {
    for await (const chunk of decoder) yield chunk as Uint8Array;
    // Compressed data may end before the blob does: its digest is over all of it.
    input.unpipe(decoder);
    if (!input.readableEnded) { for await (const _ of input); }
  } catch (cause) {
    if (!/^(Z_|ERR_ZLIB|ZSTD|ERR_ZSTD)/.test(String((cause as { code?: unknown }).code))) {
      throw cause;
    }
    throw new CtrError({
      code: "data_loss",
      operation: "decompress layer",
      reason: (cause as Error).message,
      cause,
    });
  } finally {
    input.destroy();
    decoder.destroy();
  }
}

async function* decompressed(
  gzip: Gunzip,
  source: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  try {
    for await (const piece of source) yield* gzip.write(piece);
    yield* gzip.end();
  } finally {
    gzip.close();
  }
}

function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

function decoderOf(head: Uint8Array): ReturnType<typeof createGunzip> | undefined {
  if (isGzip(head)) return createGunzip({ chunkSize: CHUNK });
  if (isZstd(head)) {
    return createZstdDecompress({ chunkSize: CHUNK }) as ReturnType<typeof createGunzip>;
  }
  return undefined;
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
