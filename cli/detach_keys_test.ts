import assert from "node:assert/strict";
import { test } from "node:test";
import { DETACH_KEYS, detachFilter, parseDetachKeys } from "./detach_keys.ts";

test("parseDetachKeys() knows characters and control keys", () => {
  assert.deepEqual(parseDetachKeys(DETACH_KEYS), [0x10, 0x11]);
  assert.deepEqual(parseDetachKeys("ctrl-A,x,ctrl-@,ctrl-_,ctrl-["), [1, 0x78, 0, 0x1f, 0x1b]);
  for (const text of ["", "ctrl-", "ctrl-1", "xy", "a,,b", "é"]) {
    assert.throws(() => parseDetachKeys(text), /--detach-keys/, text);
  }
});

/** What comes through when the chunks come one by one; `!` where it detaches. */
function through(keys: string, ...chunks: string[]): string {
  const filter = detachFilter(parseDetachKeys(keys));
  return chunks.map((chunk) => {
    const { bytes, detached } = filter(new TextEncoder().encode(chunk));
    return new TextDecoder().decode(bytes) + (detached ? "!" : "");
  }).join("/");
}

test("detachFilter() lets everything but the keys through", () => {
  assert.equal(through(DETACH_KEYS, "abc"), "abc");
  assert.equal(through(DETACH_KEYS, "a\x10\x11b"), "a!");
  assert.equal(through(DETACH_KEYS, "\x11\x11"), "\x11\x11");
});

test("detachFilter() finds keys that come one by one", () => {
  assert.equal(through(DETACH_KEYS, "a\x10", "\x11"), "a/!");
});

test("detachFilter() gives back what only looked like the keys", () => {
  assert.equal(through(DETACH_KEYS, "\x10", "a"), "/\x10a");
  assert.equal(through(DETACH_KEYS, "\x10\x10", "\x11"), "\x10/!");
  assert.equal(through("a,b,a,c", "abab", "ac"), "ab/!");
  assert.equal(through("a,a,b", "aaab"), "a!");
  assert.equal(through("a,b,c", "abx", "abc"), "abx/!");
});
