import assert from "node:assert/strict";
import { test } from "node:test";
import { cleanPath, splitPath } from "./_root.ts";

test("cleanPath() is the path below the root, whatever the name says", () => {
  const cases: Record<string, string> = {
    "": "",
    ".": "",
    "./": "",
    "/": "",
    "//": "",
    "..": "",
    "a": "a",
    "a/": "a",
    "a//": "a",
    "a/b": "a/b",
    "a/b/": "a/b",
    "/a/b": "a/b",
    "./a/b": "a/b",
    "a//b": "a/b",
    "a/./b": "a/b",
    "a/.": "a",
    "a/..": "",
    "a/../b": "b",
    "a/../../b": "b",
    "../a": "a",
    "a/.hidden": "a/.hidden",
    ".hidden": ".hidden",
    "..a/b": "..a/b",
    "a/...": "a/...",
    "a./b.": "a./b.",
  };
  for (const [path, clean] of Object.entries(cases)) assert.equal(cleanPath(path), clean, path);
});

test("splitPath() takes the last part", () => {
  assert.deepEqual(splitPath("a/b/c"), ["a/b", "c"]);
  assert.deepEqual(splitPath("a"), ["", "a"]);
});
