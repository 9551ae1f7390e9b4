import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CtrError } from "../errors.ts";
import { blobDirectory } from "./blob_directory.ts";
import { sha256 } from "./digest.ts";
import type { BlobDirectory, Download } from "./types.ts";

const ABC = { mediaType: "m", digest: sha256("abc"), size: 3 };
const PARTIAL = ABC.digest.replace(":", "-");

interface Store {
  readonly blobs: BlobDirectory;
  readonly root: string;
  unfinished(): Promise<Record<string, number>>;
}

async function inTemp(work: (store: Store) => Promise<void>): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "ctr-ingest-"));
  const blobs = blobDirectory(root);
  const unfinished = async () => {
    const found: Record<string, number> = {};
    for await (const { name, size } of blobs.unfinished()) found[name] = size;
    return found;
  };
  try {
    await work({ blobs, root, unfinished });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** A download that gives what is stored first, then `parts`. */
function download(...parts: readonly (string | Error)[]): Download {
  return async function* (stored) {
    yield* stored ?? [];
    for (const part of parts) {
      if (part instanceof Error) throw part;
      yield new TextEncoder().encode(part);
    }
  };
}

async function text(source: AsyncIterable<Uint8Array>): Promise<string> {
  let all = "";
  for await (const chunk of source) all += new TextDecoder().decode(chunk);
  return all;
}

test("ingest() passes bytes on and stores them when all came", () =>
  inTemp(async ({ blobs, unfinished }) => {
    assert.equal(await text(blobs.ingest(ABC, download("a", "bc"))), "abc");
    assert.equal(await text(blobs.stream(ABC.digest)), "abc");
    assert.deepEqual(await unfinished(), {});
  }));

test("ingest() goes on with what an interrupted download left", () =>
  inTemp(async ({ blobs, unfinished }) => {
    await assert.rejects(text(blobs.ingest(ABC, download("ab", new Error("reset")))), /reset/);
    assert.equal(await blobs.has(ABC.digest), false);
    assert.deepEqual(await unfinished(), { [PARTIAL]: 2 });
    assert.equal(await text(blobs.ingest(ABC, download("c"))), "abc");
    assert.equal(await text(blobs.stream(ABC.digest)), "abc");
    assert.deepEqual(await unfinished(), {});
  }));

test("ingest() keeps nothing that is wrong, too long, or that its reader refuses", () =>
  inTemp(async ({ blobs, root, unfinished }) => {
    const wrong = new CtrError({ code: "data_loss", operation: "pull", reason: "wrong digest" });
    await assert.rejects(text(blobs.ingest(ABC, download("xyz", wrong))), /wrong digest/);
    assert.deepEqual(await unfinished(), {});
    for await (const _ of blobs.ingest(ABC, download("ab", "c"))) break;
    assert.deepEqual(await unfinished(), {});
    await assert.rejects(text(blobs.ingest(ABC, download(new Error("refused")))), /refused/);
    assert.deepEqual(await unfinished(), {}, "a file without a byte is not worth keeping");
    writeFileSync(join(root, "ingest", PARTIAL), "longer");
    assert.equal(await text(blobs.ingest(ABC, download("abc"))), "abc");
    assert.equal(await text(blobs.stream(ABC.digest)), "abc");
  }));

test("ingest() keeps what a reader has not read when that was canceled", () =>
  inTemp(async ({ blobs, unfinished }) => {
    const abort = new AbortController();
    for await (const _ of blobs.ingest(ABC, download("ab", "c"), { signal: abort.signal })) {
      abort.abort();
      break;
    }
    assert.deepEqual(await unfinished(), { [PARTIAL]: 2 });
  }));

test("two who want a blob download it once; the second has it from the store", () =>
  inTemp(async ({ blobs }) => {
    const go = Promise.withResolvers<void>();
    let downloads = 0;
    const slow: Download = async function* () {
      downloads++;
      yield new TextEncoder().encode("a");
      await go.promise;
      yield new TextEncoder().encode("bc");
    };
    const first = blobs.ingest(ABC, slow);
    await first.next();
    const second = text(blobs.ingest(ABC, slow));
    await new Promise((resolve) => setTimeout(resolve, 20));
    go.resolve();
    assert.equal(await text(first), "bc");
    assert.equal(await second, "abc");
    assert.equal(downloads, 1);
  }));

test("when the first fails the second takes over where it was; canceled, it stops waiting", () =>
  inTemp(async ({ blobs }) => {
    const fail = Promise.withResolvers<void>();
    const failing: Download = async function* () {
      yield new TextEncoder().encode("ab");
      await fail.promise;
    };
    const first = blobs.ingest(ABC, failing);
    await first.next();
    const abort = new AbortController();
    const canceled = text(blobs.ingest(ABC, download("c"), { signal: abort.signal }));
    const second = text(blobs.ingest(ABC, download("c")));
    abort.abort();
    await assert.rejects(canceled, { code: "canceled" });
    fail.reject(new Error("reset"));
    await assert.rejects(text(first), /reset/);
    assert.equal(await second, "abc");
  }));

test("removeUnfinished() leaves what is being written, and what is to be kept", () =>
  inTemp(async ({ blobs, root, unfinished }) => {
    mkdirSync(join(root, "blobs/sha256"), { recursive: true });
    writeFileSync(join(root, `blobs/sha256/${"0".repeat(64)}.99.1`), "of an older version");
    await assert.rejects(text(blobs.ingest(ABC, download("ab", new Error("reset")))), /reset/);
    const writer = blobs.create();
    writer.write(new TextEncoder().encode("new"));
    writeFileSync(join(root, "ingest/new.1.2"), "left by a crash");
    const gone = await blobs.write(new TextEncoder().encode("gone"));
    blobs.retire([gone, ABC.digest]);
    assert.equal(await blobs.has(gone), false);
    assert.equal(Object.keys(await unfinished()).length, 3);
    await blobs.removeUnfinished((digest) => digest === ABC.digest);
    assert.deepEqual(await unfinished(), { [PARTIAL]: 2 });
    assert.deepEqual(readdirSync(join(root, "blobs/sha256")), []);
    const { digest } = writer.commit();
    assert.equal(readFileSync(join(root, "blobs", digest.replace(":", "/")), "utf8"), "new");
    await blobs.removeUnfinished();
    assert.deepEqual(readdirSync(join(root, "ingest")), []);
  }));

test("removeUnfinished() does not wait for the deletion of a large blob", () =>
  inTemp(async ({ blobs, root, unfinished }) => {
    const writer = blobs.create();
    writer.write(new Uint8Array(5 << 20));
    const small = await blobs.write(new TextEncoder().encode("small"));
    blobs.retire([writer.commit().digest, small]);
    await blobs.removeUnfinished();
    assert.ok(Object.values(await unfinished()).every((size) => size === 5 << 20));
    for (let left = 2000; left > 0 && readdirSync(join(root, "ingest")).length > 0; left--) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.deepEqual(readdirSync(join(root, "ingest")), []);
  }));

test("holding() tells each digest before it is looked for or appears", () =>
  inTemp(async ({ blobs }) => {
    const told: string[] = [];
    const held = blobs.holding((digest) => void told.push(digest));
    await held.write(new TextEncoder().encode("x"));
    await held.has(sha256("y"));
    await text(held.ingest(ABC, download("abc")));
    assert.deepEqual([...new Set(told)], [sha256("x"), sha256("y"), ABC.digest]);
    const refusing = blobs.holding(() => {
      throw new Error("not held");
    });
    await assert.rejects(refusing.write(new TextEncoder().encode("z")), /not held/);
    assert.equal(await blobs.has(sha256("z")), false);
  }));
