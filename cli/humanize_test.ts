import assert from "node:assert/strict";
import { test } from "node:test";
import { binarySize, humanDuration, humanMoment, humanSize, table } from "./humanize.ts";

test("humanDuration() has go-units' words", () => {
  const [second, minute, hour, day] = [1e3, 60e3, 3600e3, 24 * 3600e3];
  const cases: [number, string][] = [
    [450, "Less than a second"],
    [47 * second, "47 seconds"],
    [1 * second, "1 second"],
    [1 * minute, "About a minute"],
    [3 * minute, "3 minutes"],
    [35 * minute + 40 * second, "35 minutes"],
    [1 * hour, "About an hour"],
    [1 * hour + 45 * minute, "2 hours"],
    [3 * hour + 40 * minute, "4 hours"],
    [47 * hour, "47 hours"],
    [2 * day, "2 days"],
    [13 * day, "13 days"],
    [14 * day, "2 weeks"],
    [59 * day, "8 weeks"],
    [60 * day, "2 months"],
    [729 * day, "24 months"],
    [730 * day, "2 years"],
    [3650 * day, "10 years"],
  ];
  for (const [ms, text] of cases) assert.equal(humanDuration(ms), text);
});

test("humanSize() and binarySize() have go-units' digits", () => {
  const cases: [number, string, string][] = [
    [0, "0B", "0B"],
    [999, "999B", "999B"],
    [1024, "1.02kB", "1KiB"],
    [1_500_000, "1.5MB", "1.431MiB"],
    [123_456_789, "123MB", "117.7MiB"],
    [25_300_000_000, "25.3GB", "23.56GiB"],
  ];
  for (const [bytes, decimal, binary] of cases) {
    assert.deepEqual([humanSize(bytes), binarySize(bytes)], [decimal, binary]);
  }
});

test("humanMoment() is local time with its offset", () => {
  const text = humanMoment(Date.UTC(2026, 10, 21, 1, 2, 3));
  assert.match(text, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} (UTC|[+-]\d{4})$/);
  const [date, time, offset] = text.split(" ");
  const iso = `${date}T${time}${offset!.slice(0, 3)}:${offset!.slice(3)}`;
  assert.equal(Date.parse(iso), Date.UTC(2026, 10, 21, 1, 2, 3));
});

test("table() pads all columns but the last", () => {
  assert.equal(
    table(["ID", "LONGER", "LAST"], [["12345", "x", "a b"], ["ü", "", "c"]]),
    "ID      LONGER   LAST\n12345   x        a b\nü                c\n",
  );
});
