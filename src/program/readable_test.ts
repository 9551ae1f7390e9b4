import assert from "node:assert/strict";
import { test } from "node:test";
import { call, close, pipe, writeAll } from "./calls.ts";
import { whenReadable } from "./readable.ts";

test("whenReadable() resolves when there is something to read", async () => {
  const counter = call("eventfd2", "counter", 0, 0);
  try {
    const waiting = whenReadable(counter);
    let ready = false;
    const done = waiting.ready.then(() => ready = true);
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(ready, false);
    writeAll(counter, new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]), "counter");
    await done;
    await whenReadable(counter).ready; // still
  } finally {
    close(counter);
  }
});

test("whenReadable() ends when it is cancelled, and when nobody can write any more", async () => {
  const [read, write] = pipe();
  const waiting = whenReadable(read);
  waiting.cancel();
  await waiting.ready;
  waiting.cancel();
  const other = whenReadable(read);
  close(write);
  await other.ready;
  close(read);
});
