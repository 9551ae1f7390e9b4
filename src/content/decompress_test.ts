import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { needs } from "../../tests/fixtures/needs.ts";
import { packedBy } from "../../tests/fixtures/packed_by.ts";
import { decompress } from "./decompress.ts";

const LARGE = Buffer.alloc(3 << 20, "a line of text that repeats itself\n");
const NOISE = crypto.getRandomValues(new Uint8Array(60_000));
const TEXT = Buffer.from("x");

function skippable(bytes: number): Uint8Array {
  const frame = Buffer.alloc(8 + bytes, 7);
  frame.writeUInt32LE(0x184d2a5e, 0);
  frame.writeUInt32LE(bytes, 4);
  return frame;
}

/** Parts that follow each other, in pieces of a size, decompressed; the bytes and their number. */
async function decompressed(
  parts: readonly Uint8Array[],
  size: number,
  options = {},
): Promise<Buffer> {
  const all = Buffer.concat(parts);
  const source = (async function* () {
    for (let at = 0; at < all.length; at += size) yield new Uint8Array(all.subarray(at, at + size));
  })();
  const chunks: Uint8Array[] = [];
  for await (const chunk of decompress(source, options)) chunks.push(new Uint8Array(chunk));
  return Buffer.concat(chunks);
}

const SIZES = [4093, 100_000, 1 << 24];

test("decompress() takes gzip of several members", async () => {
  const parts = [LARGE, NOISE, Buffer.alloc(0), TEXT];
  for (const size of SIZES) {
    const got = await decompressed(parts.map((part) => gzipSync(part)), size);
    assert.ok(got.equals(Buffer.concat(parts)), `in pieces of ${size}`);
    assert.ok((await decompressed([gzipSync(TEXT), Buffer.alloc(1024)], size)).equals(TEXT));
  }
  const small = ["a", "", "b"].map((text) => gzipSync(text));
  assert.equal(String(await decompressed(small, 1)), "ab");
});

test("decompress() takes zstd of several frames, and leaves skippable ones out", async () => {
  const packed = (part: Uint8Array): Uint8Array => zstdCompressSync(part);
  const cases: Uint8Array[][] = [
    [packed(LARGE), packed(NOISE), skippable(8), packed(TEXT), skippable(0), skippable(9)],
    [skippable(4), packed(LARGE), skippable(200_000), packed(NOISE), packed(TEXT)],
    [packed(Buffer.alloc(0)), packed(LARGE), packed(NOISE), packed(TEXT), packed(Buffer.alloc(0))],
  ];
  for (const [index, parts] of cases.entries()) {
    for (const size of SIZES) {
      const got = await decompressed(parts, size);
      assert.ok(
        got.equals(Buffer.concat([LARGE, NOISE, TEXT])),
        `case ${index}, pieces of ${size}`,
      );
    }
  }
  const small = [skippable(2), packed(TEXT), skippable(0), skippable(3), packed(TEXT)];
  assert.equal(String(await decompressed(small, 1)), "xx");
  const frames = Array.from({ length: 500 }, (_, at) => packed(Buffer.from(`${at} `)));
  assert.equal((await decompressed(frames, 700)).length, 1890);
});

test("decompress() tells what is cut or followed by something else", async () => {
  const zstd = zstdCompressSync(NOISE);
  for (const part of [zstd.subarray(0, 30_000), zstd.subarray(0, 5), zstd.subarray(0, -1)]) {
    await assert.rejects(decompressed([part], 1000), { code: "data_loss" });
  }
  await assert.rejects(decompressed([zstd, Buffer.from("junk")], 1000), /behind a frame/);
  await assert.rejects(decompressed([zstd, skippable(99).subarray(0, 50)], 1000), /within a frame/);
  await assert.rejects(decompressed([gzipSync(NOISE).subarray(0, 30_000)], 1000), {
    code: "data_loss",
  });
});

for (const program of ["xz", "bzip2"] as const) {
  test(
    `decompress() asks ${program} for what it made, when it may`,
    needs(`cmd:${program}`),
    async () => {
      const data = Buffer.concat([LARGE, NOISE]);
      const packed = await packedBy(program, data);
      const options = { programs: true };
      assert.ok((await decompressed([packed], 50_000, options)).equals(data));
      assert.ok((await decompressed([packed], 50_000)).equals(packed), "layers are never that");
      const cut = packed.subarray(0, packed.length - 1000);
      await assert.rejects(decompressed([cut], 50_000, options), {
        code: "data_loss",
        message: /^cannot decompress archive: .*(end|EOF)/i,
      });
      const broken = Buffer.from(
        packed.map((byte, at) => at === packed.length >> 1 ? byte ^ 255 : byte),
      );
      await assert.rejects(decompressed([broken], 50_000, options), { code: "data_loss" });
      // Somebody who stops reading leaves nothing that runs.
      for await (
        const _ of decompress(
          (async function* () {
            yield packed;
          })(),
          options,
        )
      ) break;
    },
  );
}
