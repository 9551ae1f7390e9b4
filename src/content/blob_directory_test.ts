import assert from "node:assert/strict";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { blobDirectory } from "./blob_directory.ts";
import { decompress } from "./decompress.ts";
import { sha256 } from "./digest.ts";

async function inTemp(work: (root: string) => Promise<void>): Promise<void> {
  const top = mkdtempSync(join(tmpdir(), "ctr-content-"));
  try {
    await work(join(top, "content"));
  } finally {
    rmSync(top, { recursive: true, force: true });
  }
}

async function* chunks(...parts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield typeof part === "string" ? new TextEncoder().encode(part) : part;
}

async function text(source: AsyncIterable<Uint8Array>): Promise<string> {
  let all = "";
  for await (const chunk of source) all += new TextDecoder().decode(chunk);
  return all;
}

test("blobDirectory() is an OCI layout that only the owner can read", () =>
  inTemp(async (root) => {
    const blobs = blobDirectory(root);
    const digest = await blobs.write(new TextEncoder().encode("hello"));
    assert.equal(digest, sha256("hello"));
    const path = join(root, "blobs/sha256", digest.slice(7));
    assert.equal(readFileSync(path, "utf8"), "hello");
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(root).mode & 0o777, 0o700);
    await blobs.writeIndex([{ mediaType: "m", digest, size: 5 }]);
    assert.equal(
      JSON.parse(readFileSync(join(root, "oci-layout"), "utf8")).imageLayoutVersion,
      "1.0.0",
    );
    assert.equal(
      JSON.parse(readFileSync(join(root, "index.json"), "utf8")).manifests[0].digest,
      digest,
    );
    assert.equal(await text(chunks(await blobs.read(digest))), "hello");
    assert.equal(await blobs.remove(digest), true);
    assert.equal(await blobs.remove(digest), false);
    await assert.rejects(blobs.read(digest), { code: "not_found" });
  }));

test("read() notices that a blob was changed", () =>
  inTemp(async (root) => {
    const blobs = blobDirectory(root);
    const digest = await blobs.write(new TextEncoder().encode("hello"));
    writeFileSync(join(root, "blobs/sha256", digest.slice(7)), "hullo");
    await assert.rejects(blobs.read(digest), { code: "data_loss" });
  }));

test("no path is made from what is not a digest", () =>
  inTemp(async (root) => {
    const blobs = blobDirectory(root);
    for (
      const digest of [
        "",
        "sha256:",
        "sha256:../../../etc/passwd",
        "md5:00",
        `sha256:${"A".repeat(64)}`,
      ]
    ) {
      await assert.rejects(blobs.read(digest), { code: "invalid_argument" });
      await assert.rejects(blobs.has(digest), { code: "invalid_argument" });
    }
  }));

test("decompress() knows gzip, zstd and plain bytes, in chunks of any size", async () => {
  const plain = "layer ".repeat(50_000);
  const bytes = new TextEncoder().encode(plain);
  for (const packed of [gzipSync(bytes), zstdCompressSync(bytes), bytes]) {
    for (const size of [1000, packed.length]) {
      const parts: Uint8Array[] = [];
      for (let at = 0; at < packed.length; at += size) parts.push(packed.subarray(at, at + size));
      assert.equal(await text(decompress(chunks(packed.subarray(0, 0), ...parts))), plain);
    }
    const first = packed.subarray(0, 1);
    const start = [first, packed.subarray(1, 2), packed.subarray(2)];
    assert.equal(await text(decompress(chunks(...start))), plain);
  }
  assert.equal(await text(decompress(chunks())), "");
  assert.equal(await text(decompress(chunks("ab"))), "ab");
});

test("decompress() reads several gzip members and all of its source", async () => {
  const two = [gzipSync("one "), gzipSync("two")];
  assert.equal(await text(decompress(chunks(...two))), "one two");
  let ended = false;
  const source = async function* () {
    yield* chunks(gzipSync("data"), new Uint8Array(100_000), new Uint8Array(100_000));
    ended = true;
  };
  assert.equal(await text(decompress(source())), "data");
  assert.equal(ended, true, "else the digest of the blob would not be checked");
});

test("decompress() refuses damaged data and hands on the errors of its source", async () => {
  const packed = gzipSync("data ".repeat(10_000));
  const damaged = packed.slice();
  damaged[damaged.length - 6]! ^= 1;
  await assert.rejects(text(decompress(chunks(damaged))), { code: "data_loss" });
  await assert.rejects(text(decompress(chunks(packed.subarray(0, 50)))), { code: "data_loss" });
  const source = async function* () {
    yield packed.subarray(0, 50);
    throw new Error("reset");
  };
  await assert.rejects(text(decompress(source())), /reset/);
});

test("decompress() stops reading when nobody wants more", async () => {
  const bomb = gzipSync(new Uint8Array(64 << 20));
  let returned = false;
  const source = async function* () {
    try {
      for (let at = 0; at < bomb.length; at += 1000) yield bomb.subarray(at, at + 1000);
    } finally {
      returned = true;
    }
  };
  for await (const _ of decompress(source())) break;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(returned, true);
});

test("create() stores pieces under the digest of the whole, or nothing", () =>
  inTemp(async (root) => {
    const blobs = blobDirectory(root);
    const [kept, given] = [blobs.create(), blobs.create()];
    for (const piece of ["he", "", "llo"]) kept.write(new TextEncoder().encode(piece));
    given.write(new Uint8Array(3));
    given.abort();
    assert.deepEqual(kept.commit(), { digest: sha256("hello"), size: 5 });
    assert.deepEqual(readdirSync(join(root, "blobs/sha256")), [sha256("hello").slice(7)]);
    assert.equal(await text(blobs.stream(sha256("hello"))), "hello");
    assert.equal(await blobs.size(sha256("hello")), 5);
    assert.equal(await blobs.size(sha256("other")), undefined);
    await assert.rejects(text(blobs.stream(sha256("other"))), { code: "not_found" });
    assert.ok(existsSync(join(root, "oci-layout")));
  }));
