import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { packLayer } from "./pack_layer.ts";
import type { BlobStore } from "./sources.ts";

const sha256 = (data: Uint8Array): string =>
  `sha256:${createHash("sha256").update(data).digest("hex")}`;

/** A store that has one blob, or none. */
function store(): { blobs: BlobStore; blob: () => Uint8Array | undefined } {
  let parts: Uint8Array[] = [];
  let blob: Uint8Array | undefined;
  const create = () => ({
    write: (bytes: Uint8Array) => void parts.push(bytes.slice()),
    commit: () => {
      blob = new Uint8Array(Buffer.concat(parts));
      return { digest: sha256(blob), size: blob.length };
    },
    abort: () => void (parts = []),
  });
  return { blobs: { create } as unknown as BlobStore, blob: () => blob };
}

async function* chunks(data: Uint8Array, size: number): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}

const tar = new Uint8Array(3_000_000).map((_, i) => (i * i) >> 7);

test("packLayer() packs a tar, as gzip unless told otherwise", async () => {
  for (const [how, unpack] of [["gzip", gunzipSync], ["zstd", zstdDecompressSync]] as const) {
    const { blobs, blob } = store();
    const compression = how === "gzip" ? undefined : how;
    const { descriptor, diffId, size } = await packLayer(blobs, chunks(tar, 70_000), compression);
    assert.deepEqual([diffId, size], [sha256(tar), tar.length]);
    assert.equal(descriptor.mediaType, `application/vnd.oci.image.layer.v1.tar+${how}`);
    assert.deepEqual([descriptor.digest, descriptor.size], [sha256(blob()!), blob()!.length]);
    assert.ok(Buffer.from(tar).equals(unpack(blob()!)));
  }
});

test("packLayer() keeps what is packed already, byte by byte", async () => {
  for (const [how, packed] of [["gzip", gzipSync(tar)], ["zstd", zstdCompressSync(tar)]] as const) {
    for (const chunk of [1 << 20, 3]) {
      if (chunk === 3 && how === "gzip") continue; // one is enough for short beginnings
      const { blobs, blob } = store();
      const { descriptor, diffId, size } = await packLayer(blobs, chunks(packed, chunk));
      assert.deepEqual([diffId, size], [sha256(tar), tar.length]);
      assert.equal(descriptor.mediaType, `application/vnd.oci.image.layer.v1.tar+${how}`);
      assert.ok(packed.equals(blob()!));
    }
  }
});

test("packLayer() stores nothing of what is empty or broken, or fails on the way", async () => {
  const failing = async function* () {
    yield tar;
    throw new Error("the disk is gone");
  };
  const cases: [AsyncIterable<Uint8Array>, object][] = [
    [chunks(new Uint8Array(), 1), { code: "data_loss", message: /empty/ }],
    [chunks(gzipSync(new Uint8Array()), 9), { code: "data_loss" }],
    [chunks(gzipSync(tar).subarray(0, 5000), 999), { code: "data_loss" }],
    [failing(), { message: "the disk is gone" }],
  ];
  for (const [source, error] of cases) {
    const { blobs, blob } = store();
    await assert.rejects(packLayer(blobs, source), error);
    assert.equal(blob(), undefined);
  }
});
