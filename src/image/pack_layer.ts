/**
 * A layer of an image that is made here into the store: packed, as every registry and engine expects
 * it, since nobody packs it later on its way to one.
 *
 * @module
 */

import { createHash, type Hash } from "node:crypto";
import { Readable } from "node:stream";
import { createGzip, createZstdCompress } from "node:zlib";
import { decompress } from "../content/mod.ts";
import { CtrError } from "../errors.ts";
import type { BlobStore, Descriptor } from "./sources.ts";

/** How layers are packed. */
export type LayerCompression = "gzip" | "zstd";

/** A layer in the store. */
export interface PackedLayer {
  readonly descriptor: Descriptor;
  /** Digest and bytes of its tar. */
  readonly diffId: string;
  readonly size: number;
}

const LAYER = "application/vnd.oci.image.layer.v1.tar";
const CHUNK = 1 << 20;

/**
 * Store a tar. One that is packed as layers may be is stored as it comes.
 *
 * @throws {CtrError} `data_loss` for one that is empty or cannot be unpacked.
 */
export async function packLayer(
  blobs: BlobStore,
  source: AsyncIterable<Uint8Array>,
  compression: LayerCompression = "gzip",
): Promise<PackedLayer> {
  const writer = blobs.create();
  const hash = createHash("sha256");
  try {
    const { head, whole } = await begin(source);
    const packed = packedBy(head);
    const size = packed === undefined
      ? await pack(whole, hash, compression, (bytes) => writer.write(bytes))
      : await keep(whole, hash, (bytes) => writer.write(bytes));
    if (size === 0) throw empty();
    const stored = writer.commit();
    const mediaType = `${LAYER}+${packed ?? compression}`;
    return { descriptor: { mediaType, ...stored }, diffId: `sha256:${hash.digest("hex")}`, size };
  } catch (error) {
    writer.abort();
    throw error;
  }
}

async function pack(
  source: AsyncIterable<Uint8Array>,
  hash: Hash,
  compression: LayerCompression,
  write: (bytes: Uint8Array) => void,
): Promise<number> {
  let size = 0;
  const counted = async function* () {
    for await (const chunk of decompress(source, { programs: true })) { // xz, say; or nothing
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  };
  const packer = compression === "zstd"
    ? createZstdCompress({ chunkSize: CHUNK })
    : createGzip({ chunkSize: CHUNK });
  const input = Readable.from(counted(), { objectMode: false });
  input.on("error", (error) => packer.destroy(error));
  input.pipe(packer);
  try {
    for await (const chunk of packer) write(chunk as Uint8Array);
  } finally {
    input.destroy();
    packer.destroy();
  }
  return size;
}

async function keep(
  source: AsyncIterable<Uint8Array>,
  hash: Hash,
  write: (bytes: Uint8Array) => void,
): Promise<number> {
  let size = 0;
  const written = async function* () {
    for await (const chunk of source) {
      write(chunk);
      yield chunk;
    }
  };
  for await (const chunk of decompress(written())) {
    hash.update(chunk);
    size += chunk.length;
  }
  return size;
}

/** The first bytes, and all of it. */
async function begin(
  source: AsyncIterable<Uint8Array>,
): Promise<{ head: Uint8Array; whole: AsyncIterable<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  for (let length = 0; length < 4;) {
    const next = await iterator.next();
    if (next.done === true) break;
    first.push(new Uint8Array(next.value));
    length += next.value.length;
  }
  const whole = async function* () {
    yield* first;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
      yield next.value;
    }
  };
  return { head: Buffer.concat(first.map((part) => part.subarray(0, 4))), whole: whole() };
}

function packedBy(head: Uint8Array): LayerCompression | undefined {
  const [a, b, c, d] = head;
  if (a === 0x1f && b === 0x8b) return "gzip";
  return a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd ? "zstd" : undefined;
}

function empty(): CtrError {
  return new CtrError({ code: "data_loss", operation: "import", reason: "the archive is empty" });
}
