import assert from "node:assert/strict";
import { test } from "node:test";
import { image, NOW } from "../tests/fixtures/image_summary.ts";
import { imageRows } from "./image_rows.ts";
import { imageTree } from "./image_tree.ts";

test("imageRows() is a line per tag", () => {
  const rows = imageRows(
    image("localhost:5000/a:1", { repoTags: ["localhost:5000/a:1", "b:2"] }),
    { whole: false, now: NOW },
  );
  assert.deepEqual(rows.map((row) => [row["Repository"], row["Tag"]]), [
    ["localhost:5000/a", "1"],
    ["b", "2"],
  ]);
  assert.equal(rows[0]!["VirtualSize"], "7.654MB");
  assert.equal(rows[0]!["Digest"], `sha256:${"d".repeat(64)}`);
  assert.equal(rows[0]!["ID"], "121212121212");
  assert.equal(rows[0]!["CreatedSince"], "3 days ago");
  assert.equal(rows[0]!["Size"], "7.65MB");
});

test("imageRows() shows images without a tag or a date", () => {
  const [row] = imageRows(image("a:1", { repoTags: [], createdAt: 0 }), { whole: true, now: NOW });
  assert.deepEqual([row!["Repository"], row!["Tag"]], ["a", "<none>"]);
  assert.equal(row!["CreatedSince"], "N/A");
  assert.match(String(row!["ID"]), /^sha256:/);
});

test("imageTree() shows the platforms below each name", () => {
  const one = image("a:1");
  const arm = { ...one.platforms[0]!, platform: "linux/arm64", id: `sha256:${"e".repeat(64)}` };
  const two = { ...one, size: 9e6, platforms: [...one.platforms, arm] };
  const shown = imageTree([two], { wanted: () => true, used: new Set([arm.id]) });
  assert.deepEqual(shown.split("\n").map((line) => line.split(/ {2,}/)), [
    ["IMAGE", "ID", "DISK USAGE", "CONTENT SIZE", "EXTRA"],
    ["a:1", "dddddddddddd", "9MB", "3MB", "U"],
    ["├─ linux/amd64", "333333333333", "7.65MB", "3MB", ""],
    ["└─ linux/arm64", "eeeeeeeeeeee", "7.65MB", "3MB", "U"],
    [""],
  ]);
  assert.doesNotMatch(imageTree([two], { wanted: () => false, used: new Set() }), /a:1/);
});
