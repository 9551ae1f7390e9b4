import assert from "node:assert/strict";
import { test } from "node:test";
import { idMask } from "./id_list.ts";

test("idMask() sets a bit for every number of every range", () => {
  assert.deepEqual([...idMask("0", "x")], [1, 0, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual([...idMask("0-3,7", "x")], [0x8f, 0, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual([...idMask(" 1 , 6-9,", "x")], [0xc2, 3, 0, 0, 0, 0, 0, 0]);
  const large = idMask("64", "x");
  assert.deepEqual([large.length, large[8]], [16, 1]);
});

test("idMask() refuses what is no list", () => {
  for (const bad of ["", " , ", "x", "3-1", "-1", "1-", "1-2-3", "0x1", "8192", "1 2"]) {
    assert.throws(() => idMask(bad, "place"), { code: "invalid_argument" }, bad);
  }
  assert.throws(
    () => idMask("0,b", "use memory nodes"),
    /^CtrError: cannot use memory nodes "0,b": "b" is neither a number nor a range$/,
  );
});
