import assert from "node:assert/strict";
import { test } from "node:test";
import { chainIds } from "./chain.ts";

test("chainIds() hashes the ID below and the diffID, and starts with the first diffID", () => {
  const a = "sha256:" + "a".repeat(64);
  const b = "sha256:" + "b".repeat(64);
  assert.deepEqual(chainIds([]), []);
  assert.deepEqual(chainIds([a]), [a]);
  // printf '%s %s' $a $b | sha256sum
  assert.deepEqual(chainIds([a, b, a]).slice(0, 2), [
    a,
    "sha256:ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c",
  ]);
  assert.equal(new Set(chainIds([a, b, a, b])).size, 4);
});
