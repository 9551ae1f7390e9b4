import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { adoptBlob } from "./adopt.ts";
import { blobDirectory } from "./blob_directory.ts";
import { sha256 } from "./digest.ts";

test("adoptBlob() moves a file into the layout, once", async () => {
  const root = mkdtempSync(join(tmpdir(), "ctr-adopt-"));
  try {
    const store = join(root, "content");
    const file = join(root, "file");
    const digest = sha256("bytes");
    const path = join(store, "blobs", digest.replace(":", "/"));
    writeFileSync(file, "bytes", { mode: 0o600 });
    adoptBlob(store, digest, file);
    const { ino, mode } = statSync(path);
    assert.equal(mode & 0o777, 0o600);
    assert.equal(statSync(join(store, "blobs")).mode & 0o777, 0o700);
    assert.equal(
      JSON.parse(readFileSync(join(store, "oci-layout"), "utf8")).imageLayoutVersion,
      "1.0.0",
    );
    assert.equal(new TextDecoder().decode(await blobDirectory(store).read(digest)), "bytes");
    writeFileSync(file, "bytes");
    adoptBlob(store, digest, file);
    assert.equal(statSync(path).ino, ino);
    assert.equal(existsSync(file), false);
    assert.throws(() => adoptBlob(store, "sha256:../../etc", file), { code: "invalid_argument" });
  } finally {
    rmSync(root, { recursive: true });
  }
});
