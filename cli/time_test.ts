import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDuration, parseTime } from "./time.ts";

test("parseDuration() reads what Go does", () => {
  const cases: [string, number | undefined][] = [
    ["1h30m", 5400e3],
    ["1.5s", 1500],
    ["10ms", 10],
    ["3us", 0.003],
    ["5", undefined],
    ["m", undefined],
    ["1h x", undefined],
  ];
  for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, text);
});

test("parseTime() reads moments and lengths of time before now", () => {
  const now = Date.UTC(2026, 10, 21);
  assert.equal(parseTime("10m", now), now - 600e3);
  assert.equal(parseTime("1700000000", now), 1700000000_000);
  assert.equal(parseTime("1700000000.5", now), 1700000000_500);
  assert.equal(parseTime("2013-01-02T13:23:37Z", now), Date.UTC(2013, 0, 2, 13, 23, 37));
  assert.equal(
    parseTime("2013-01-02T13:23:37.123456789+02:00", now),
    Date.UTC(2013, 0, 2, 11, 23, 37, 123),
  );
  assert.equal(parseTime("2013-01-02T13:23:37", now), new Date(2013, 0, 2, 13, 23, 37).getTime());
  assert.equal(parseTime("2013-01-02T13:23", now), new Date(2013, 0, 2, 13, 23).getTime());
  assert.equal(parseTime("2013-01-02T13", now), new Date(2013, 0, 2, 13).getTime());
  assert.equal(parseTime("2013-01-02", now), new Date(2013, 0, 2).getTime());
  for (const text of ["", "yesterday", "2013", "2013-13-99", "1h-"]) {
    if (text !== "2013") assert.throws(() => parseTime(text, now), /timestamp/, text);
  }
});
