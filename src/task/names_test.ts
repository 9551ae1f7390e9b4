import assert from "node:assert/strict";
import { test } from "node:test";
import { newId, newName } from "./names.ts";

test("newId() is 64 hex digits, never the same", () => {
  const ids = new Set(Array.from({ length: 100 }, newId));
  assert.equal(ids.size, 100);
  for (const id of ids) assert.match(id, /^[0-9a-f]{64}$/);
});

test("newName() is an adjective and a surname", () => {
  const names = Array.from({ length: 200 }, newName);
  for (const name of names) assert.match(name, /^[a-z]+_[a-z]+$/);
  assert.ok(new Set(names).size > 150);
});
