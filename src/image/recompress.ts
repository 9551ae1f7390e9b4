/**
 * A layer compressed in another way.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { Readable, type Transform } from "node:stream";
import { constants, createGzip, createZstdCompress } from "node:zlib";
import { CtrError } from "../errors.ts";
import type { BlobStore, Descriptor } from "./sources.ts";

/** How a layer can be compressed. */
export type Compression = "gzip" | "zstd" | "none";

/** How to {@link recompress}. */
export interface RecompressOptions {
  readonly compression: Compression;
  /** What the layer must unpack to. */
  readonly diffId: string;
  readonly level?: number | undefined;
  /** zstd with a table of contents. */
  readonly chunked?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Annotations that are about how a layer was compressed. */
const OF_COMPRESSION = /^(io\.(github\.)?containers\.zstd-chunked\.|containerd\.io\/snapshot\/)/;

/** Whether a layer has a table of contents. */
export function isChunked({ annotations = {} }: Pick<Descriptor, "annotations">): boolean {
  return Object.keys(annotations).some((name) => /zstd-chunked\.manifest-position$/.test(name));
}

/** The compression that a descriptor names. */
export function typeOf({ mediaType }: Pick<Descriptor, "mediaType">): Compression {
  return /[.+]zstd$/.test(mediaType) ? "zstd" : /[.+]gzip$/.test(mediaType) ? "gzip" : "none";
}

/** The media type of a layer, in OCI's words or Docker's. Both know layers that stay where they are. */
export function layerType(layer: Pick<Descriptor, "mediaType">, docker: boolean): string {
  const compression = typeOf(layer);
  const foreign = /nondistributable|\.foreign\./.test(layer.mediaType);
  if (docker) {
    const suffix = compression === "none" ? "" : `.${compression}`;
    return `application/vnd.docker.image.rootfs.${foreign ? "foreign." : ""}diff.tar${suffix}`;
  }
  const suffix = compression === "none" ? "" : `+${compression}`;
  const kind = foreign ? "layer.nondistributable" : "layer";
  return `application/vnd.oci.image.${kind}.v1.tar${suffix}`;
}

/**
 * Write a stored layer anew. The same files give the same bytes.
 *
 * @returns its descriptor, with OCI's media type
 * @throws {CtrError} `data_loss` when it does not unpack to `diffId`. Nothing stays then.
 */
export async function recompress(
  blobs: BlobStore,
  layer: Descriptor,
  { chunked = false, compression, diffId, level, signal }: RecompressOptions,
): Promise<Descriptor> {
  const [algorithm, expected] = diffId.split(":") as [string, string];
  const hash = createHash(algorithm);
  const plain = (async function* () {
    for await (const chunk of blobs.layer(layer)) {
      signal?.throwIfAborted();
      hash.update(chunk);
      yield chunk.slice(); // it is good until the next one only, and the compressor may wait
    }
  })();
  let annotations: Readonly<Record<string, string>> = {};
  const writer = blobs.create();
  try {
    if (chunked) {
      const { chunkedWriter } = await import("./zstd_chunked.ts");
      const packed = await chunkedWriter((bytes) => writer.write(bytes), level);
      for await (const chunk of plain) packed.push(chunk);
      annotations = packed.end();
    } else {
      for await (const chunk of compressed(plain, compression, level)) writer.write(chunk);
    }
    const actual = hash.digest("hex");
    if (actual !== expected) {
      const reason = `its uncompressed digest is ${algorithm}:${actual}`;
      throw new CtrError({
        code: "data_loss",
        operation: "convert layer",
        subject: diffId,
        reason,
      });
    }
  } catch (error) {
    writer.abort();
    throw error;
  }
  const { digest, size } = writer.commit();
  const others = Object.entries(layer.annotations ?? {}).filter(([name]) =>
    !OF_COMPRESSION.test(name)
  );
  annotations = { ...Object.fromEntries(others), ...annotations };
  const suffix = compression === "none" ? "" : `+${compression}`;
  return {
    mediaType: `application/vnd.oci.image.layer.v1.tar${suffix}`,
    digest,
    size,
    ...Object.keys(annotations).length === 0 ? {} : { annotations },
  };
}

async function* compressed(
  source: AsyncGenerator<Uint8Array>,
  compression: Compression,
  level: number | undefined,
): AsyncGenerator<Uint8Array> {
  if (compression === "none") {
    yield* source;
    return;
  }
  const input = Readable.from(source, { objectMode: false });
  const encoder = encoderOf(compression, level);
  input.on("error", (error) => encoder.destroy(error));
  input.pipe(encoder);
  try {
    for await (const chunk of encoder) yield chunk as Uint8Array;
  } finally {
    input.destroy();
    encoder.destroy();
  }
}

function encoderOf(compression: "gzip" | "zstd", level: number | undefined): Transform {
  const chunkSize = 1 << 18;
  if (compression === "gzip") {
    return createGzip({ chunkSize, ...level === undefined ? {} : { level } });
  }
  const params = level === undefined ? {} : { [constants.ZSTD_c_compressionLevel]: level };
  return createZstdCompress({ chunkSize, params }) as Transform;
}
