import assert from "node:assert/strict";
import { test } from "node:test";
import { historyRow } from "./history.ts";

const step = {
  id: `sha256:${"ab".repeat(32)}`,
  createdAt: Date.UTC(2024, 0, 2),
  createdBy: "/bin/sh -c #(nop)\tCMD " + "x".repeat(60),
  comment: "why",
  size: 12_345_678,
};
const now = Date.UTC(2024, 0, 5);

test("historyRow() is what docker history prints", () => {
  assert.deepEqual(historyRow(step, { whole: false, human: true, now }), {
    ID: "abababababab",
    CreatedAt: "2024-01-02T00:00:00Z",
    CreatedSince: "3 days ago",
    CreatedBy: "/bin/sh -c #(nop) CMD " + "x".repeat(22) + "…",
    Size: "12.3MB",
    Comment: "why",
  });
});

test("historyRow() cuts nothing and counts bytes when told to", () => {
  const row = historyRow({ ...step, id: undefined }, { whole: true, human: false, now });
  assert.equal(row["ID"], "<missing>");
  assert.equal(row["CreatedBy"], step.createdBy.replace("\t", " "));
  assert.equal(row["Size"], "12345678");
  assert.equal(historyRow(step, { whole: true, human: true, now })["ID"], step.id);
});
