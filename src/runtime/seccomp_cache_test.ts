import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { cachedFilter, COMPILER } from "./seccomp_cache.ts";

test("COMPILER changes with everything that makes filters", () => {
  const hash = createHash("sha256");
  const sources = [
    ...["seccomp.ts", "seccomp_arches.ts", "bpf_writer.ts", "syscalls_32.ts"],
    ...["../linux/syscalls_x86_64.ts", "../linux/syscalls_aarch64.ts"],
  ];
  for (const name of sources) hash.update(readFileSync(new URL(name, import.meta.url)));
  assert.equal(COMPILER, hash.digest("hex").slice(0, 16), "put this into seccomp_cache.ts");
});

test("cachedFilter() compiles once, and never takes one filter for another", async () => {
  const parent = mkdtempSync(join(tmpdir(), "ctr-filters-"));
  const directory = join(parent, "made/here");
  let compiled = 0;
  const get = async (key: number, text: string, byte: number) => {
    const compile = () => {
      compiled++;
      return Promise.resolve(new Uint8Array(16).fill(byte));
    };
    return (await cachedFilter({ directory, key, text, compile }))[0];
  };
  try {
    assert.deepEqual([await get(1, "a", 1), await get(1, "a", 9), compiled], [1, 1, 1]);
    // The same place, another profile: the last one stays.
    assert.deepEqual([await get(65, "b", 2), await get(65, "b", 9), compiled], [2, 2, 2]);
    assert.deepEqual([await get(1, "a", 3), compiled], [3, 3]);
    assert.deepEqual([await get(2, "é", 4), await get(2, "é", 9), compiled], [4, 4, 4]);
    assert.deepEqual(readdirSync(directory).sort(), ["1", "2"]);
    truncateSync(join(directory, "1"), 10);
    assert.equal(await get(1, "a", 5), 5);
    writeFileSync(join(directory, "1"), "");
    assert.equal(await get(1, "a", 6), 6);
    rmSync(directory, { recursive: true });
    writeFileSync(directory, "no directory");
    assert.equal(await get(1, "a", 7), 7);
  } finally {
    rmSync(parent, { recursive: true });
  }
});
