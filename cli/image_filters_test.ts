import assert from "node:assert/strict";
import { test } from "node:test";
import { image, NOW } from "../tests/fixtures/image_summary.ts";
import { imageFilter, namesMatch, referenceFilter } from "./image_filters.ts";

test("namesMatch() takes repositories, tags and patterns", () => {
  const row = { Repository: "library/alpine", Tag: "3.20" };
  for (const text of ["library/alpine", "library/alpine:3.20", "library/*", "*/alpine:3.*"]) {
    assert.equal(namesMatch(text, row), true, text);
  }
  for (const text of ["alpine", "library/alpine:3", "*", "library/alpin", "library/alpine:3.2.0"]) {
    assert.equal(namesMatch(text, row), false, text);
  }
});

test("namesMatch() knows classes of characters", () => {
  assert.equal(namesMatch("a[bc]:[^0-9]", { Repository: "ab", Tag: "x" }), true);
  assert.equal(namesMatch("a[bc]:[^0-9]", { Repository: "ab", Tag: "1" }), false);
  assert.equal(namesMatch("a[", { Repository: "ab", Tag: "1" }), false);
});

test("imageFilter() knows each key", () => {
  const all = [
    image("new:1", { createdAt: NOW, labels: { a: "b" } }),
    image("older:1"),
    image("oldest:1", { createdAt: 1, repoTags: [] }),
  ];
  const found = (...filters: string[]) =>
    all.filter(imageFilter(filters, all, NOW)).map(({ repoDigests }) =>
      repoDigests[0]!.split("@")[0]
    );
  assert.deepEqual(found("dangling=true"), ["oldest"]);
  assert.deepEqual(found("dangling=F"), ["new", "older"]);
  assert.throws(() => found("dangling=maybe"), /dangling=maybe": it is true or false/);
  assert.deepEqual(found("label=a=b"), ["new"]);
  assert.deepEqual(found("reference=old*"), ["older"]);
  assert.deepEqual(found("reference=old*:1"), ["older"]);
  assert.deepEqual(found("before=older:1"), ["oldest"]);
  assert.deepEqual(found("since=older:1"), ["new"]);
  assert.deepEqual(found(`since=older@sha256:${"d".repeat(64)}`), ["new"]);
  assert.deepEqual(found(`before=${all[1]!.id.slice(7, 15)}`), ["oldest"]);
  assert.deepEqual(found("until=24h"), ["older", "oldest"]);
  assert.deepEqual(found("until=1980-01-01"), ["oldest"]);
  assert.throws(() => found("since=nope"), /no such image/);
  assert.throws(() => found("bad=x"), /keys are before, dangling, label, reference, since, until/);
});

test("referenceFilter() is about tags, not about images", () => {
  const filter = referenceFilter(["label=x", "reference=a:1*", " Reference = b "]);
  const rows = [["a", "1"], ["a", "2"], ["a", "10"], ["b", "2"]] as const;
  const left = rows.filter(([Repository, Tag]) => filter({ Repository, Tag }));
  assert.deepEqual(left.map(([a, b]) => `${a}:${b}`), ["a:1", "a:10", "b:2"]);
});
