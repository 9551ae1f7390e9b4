import assert from "node:assert/strict";
import { test } from "node:test";
import { nextStart } from "./restart.ts";

test("nextStart() waits twice as long each time, up to a minute, and anew after a good run", () => {
  const options = { policy: "always", maxRetries: 0, count: 0, delayMs: 0 } as const;
  let next: { count: number; delayMs: number } = options;
  const delays = Array.from({ length: 12 }, () => {
    next = nextStart({ ...options, ...next }, { exitCode: 0, ranMs: 5 })!;
    return next.delayMs;
  });
  assert.deepEqual(delays.slice(0, 4), [100, 200, 400, 800]);
  assert.deepEqual(delays.slice(-2), [60_000, 60_000]);
  assert.equal(next.count, 12);
  assert.deepEqual(nextStart({ ...options, ...next }, { exitCode: 0, ranMs: 10_000 }), {
    count: 13,
    delayMs: 100,
  });
});

test("nextStart() on-failure wants a failure, and so many at most", () => {
  const options = { policy: "on-failure", maxRetries: 2, count: 1, delayMs: 100 } as const;
  assert.equal(nextStart(options, { exitCode: 0, ranMs: 1 }), undefined);
  assert.deepEqual(nextStart(options, { exitCode: 1, ranMs: 1 }), { count: 2, delayMs: 200 });
  assert.equal(nextStart({ ...options, count: 2 }, { exitCode: 1, ranMs: 1 }), undefined);
  const endless = { ...options, maxRetries: 0, count: 99 };
  assert.equal(nextStart(endless, { exitCode: 1, ranMs: 1 })?.count, 100);
});
