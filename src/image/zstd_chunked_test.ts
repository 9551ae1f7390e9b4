import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { zstdDecompressSync } from "node:zlib";
import { tar } from "../../tests/fixtures/raw_tar.ts";
import { decompress } from "../content/mod.ts";
import { chunkedWriter } from "./zstd_chunked.ts";

const MEMBERS = [
  { path: "a/", mode: 0o755 },
  { path: "a/f", data: "hello\n", mode: 0o4640 },
  { path: "a/empty", data: "" },
  { path: "a/l", type: "2", link: "f" },
  { path: "a/h", type: "1", link: "a/f" },
  { path: "large", data: crypto.getRandomValues(new Uint8Array(60_000)) },
  { path: "huge", data: new Uint8Array(Buffer.alloc((9 << 20) + 5, "0123456789abcdef")) },
  { path: "a/.wh.gone" },
];

/** Pack a tar in pieces of a size. */
async function packed(plain: Uint8Array, size: number) {
  const parts: Uint8Array[] = [];
  const writer = await chunkedWriter((bytes) => void parts.push(bytes), undefined);
  for (let at = 0; at < plain.length; at += size) writer.push(plain.subarray(at, at + size));
  const annotations = writer.end();
  return { annotations, bytes: Buffer.concat(parts) };
}

const sha256 = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

test("chunkedWriter() packs what unpacks to the same tar, whatever the pieces", async () => {
  const plain = tar(...MEMBERS);
  const whole = await packed(plain, plain.length);
  for (const size of [511, 100_000]) {
    assert.ok((await packed(plain, size)).bytes.equals(whole.bytes));
  }
  const chunks: Uint8Array[] = [];
  const source = (async function* () {
    for (let at = 0; at < whole.bytes.length; at += 70_000) {
      yield new Uint8Array(whole.bytes.subarray(at, at + 70_000));
    }
  })();
  for await (const chunk of decompress(source)) chunks.push(new Uint8Array(chunk));
  assert.ok(Buffer.concat(chunks).equals(plain));
});

test("chunkedWriter() writes a table in which each file is found", async () => {
  const { annotations, bytes } = await packed(tar(...MEMBERS), 100_000);
  const prefix = "io.github.containers.zstd-chunked";
  const place = annotations[`${prefix}.manifest-position`]!.split(":").map(Number);
  const [at, length, size, version] = place as [number, number, number, number];
  const table = bytes.subarray(at, at + length);
  assert.equal(annotations[`${prefix}.manifest-checksum`], sha256(table));
  const text = zstdDecompressSync(table);
  assert.deepEqual([text.length, version], [size, 1]);
  // The same stands at the very end, for those who have no annotations.
  const footer = bytes.subarray(-40);
  assert.equal(footer.subarray(32).toString(), "GNUlInUx");
  const numbers = [0, 8, 16, 24].map((index) => Number(footer.readBigUInt64LE(index)));
  assert.deepEqual(numbers, place);

  const { entries } = JSON.parse(text.toString());
  const read = ({ offset, endOffset }: { offset: number; endOffset: number }) =>
    zstdDecompressSync(bytes.subarray(offset, endOffset));
  const kinds = entries.map(({ type, name }: { type: string; name: string }) => `${type} ${name}`);
  assert.deepEqual(kinds, [
    ...["dir a/", "reg a/f", "reg a/empty", "symlink a/l", "hardlink a/h", "reg large"],
    ...["reg huge", "chunk huge", "chunk huge", "reg a/.wh.gone"],
  ]);
  const [, small, empty, link] = entries;
  assert.deepEqual([small.mode, small.size, String(read(small))], [0o4640, 6, "hello\n"]);
  assert.equal(small.digest, sha256(Buffer.from("hello\n")));
  assert.deepEqual([empty.digest, empty.offset, link.linkName], [undefined, undefined, "f"]);
  const chunks = entries.filter(({ name }: { name: string }) => name === "huge");
  let seen = 0;
  const parts = chunks.map(
    (
      chunk: { chunkOffset: number; chunkSize: number; chunkDigest: string } & {
        offset: number;
        endOffset: number;
      },
    ) => {
      const part = read(chunk);
      assert.deepEqual([chunk.chunkOffset, chunk.chunkSize], [seen, part.length]);
      assert.equal(chunk.chunkDigest, sha256(part));
      seen += part.length;
      return part;
    },
  );
  assert.equal(chunks[0].digest, sha256(Buffer.concat(parts)));
  assert.equal(seen, chunks[0].size);
});
