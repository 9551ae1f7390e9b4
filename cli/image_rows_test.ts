import assert from "node:assert/strict";
import { test } from "node:test";
import type { ImageSummary } from "../src/image/mod.ts";
import { imageFilter, imageRows, namesMatch } from "./image_rows.ts";

const NOW = Date.UTC(2026, 10, 21);

const image = (name: string, part: Partial<ImageSummary> = {}): ImageSummary => ({
  id: `sha256:${name.length.toString(16).repeat(64).slice(0, 64)}`,
  repoTags: [name],
  repoDigests: [`${name.slice(0, name.lastIndexOf(":"))}@sha256:${"d".repeat(64)}`],
  names: [],
  target: `sha256:${"d".repeat(64)}`,
  platform: "linux/amd64",
  createdAt: NOW - 3 * 24 * 3600e3,
  size: 7_654_321,
  labels: {},
  ...part,
});

test("imageRows() is a line per tag", () => {
  const rows = imageRows(
    image("localhost:5000/a:1", { repoTags: ["localhost:5000/a:1", "b:2"] }),
    { whole: false, now: NOW },
  );
  assert.deepEqual(rows.map((row) => [row["Repository"], row["Tag"]]), [
    ["localhost:5000/a", "1"],
    ["b", "2"],
  ]);
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

test("namesMatch() takes repositories, tags and patterns", () => {
  const row = { Repository: "library/alpine", Tag: "3.20" };
  for (const text of ["library/alpine", "library/alpine:3.20", "library/*", "*/alpine:3.*"]) {
    assert.equal(namesMatch(text, row), true, text);
  }
  for (const text of ["alpine", "library/alpine:3", "*", "library/alpin", "library/alpine:3.2.0"]) {
    assert.equal(namesMatch(text, row), false, text);
  }
});

test("imageFilter() knows each key", () => {
  const all = [
    image("new:1", { createdAt: NOW, labels: { a: "b" } }),
    image("older:1"),
    image("oldest:1", { createdAt: 1, repoTags: [] }),
  ];
  const found = (...filters: string[]) =>
    all.filter(imageFilter(filters, all)).map(({ repoDigests }) => repoDigests[0]!.split("@")[0]);
  assert.deepEqual(found("dangling=true"), ["oldest"]);
  assert.deepEqual(found("dangling=false"), ["new", "older"]);
  assert.deepEqual(found("label=a=b"), ["new"]);
  assert.deepEqual(found("reference=old*"), ["older", "oldest"]);
  assert.deepEqual(found("reference=old*:1"), ["older"]);
  assert.deepEqual(found("before=older:1"), ["oldest"]);
  assert.deepEqual(found("since=older:1"), ["new"]);
  assert.throws(() => found("since=nope"), /no such image/);
});
