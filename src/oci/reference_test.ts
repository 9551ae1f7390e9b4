import assert from "node:assert/strict";
import { test } from "node:test";
import {
  familiarReference,
  formatReference,
  idPrefix,
  isId,
  parseReference,
  repositoryName,
  withDefaultTag,
} from "./reference.ts";
import { random } from "../../tests/fixtures/random.ts";

const DIGEST = `sha256:${"a1".repeat(32)}`;
const long = (length: number) => "a".repeat(length);

test("parseReference() completes the registry as Docker does", () => {
  const cases: Readonly<Record<string, string>> = {
    "alpine": "docker.io/library/alpine",
    "alpine:3.20": "docker.io/library/alpine:3.20",
    "bitnami/redis": "docker.io/bitnami/redis",
    "docker.io/alpine": "docker.io/library/alpine",
    "index.docker.io/library/alpine": "docker.io/library/alpine",
    "index.docker.io/alpine:1": "docker.io/library/alpine:1",
    "localhost": "docker.io/library/localhost",
    "localhost/x": "localhost/x",
    "localhost:5000/x/y:v1": "localhost:5000/x/y:v1",
    "localhost:5000": "docker.io/library/localhost:5000",
    "127.0.0.1:5000/a__b/c-d.e": "127.0.0.1:5000/a__b/c-d.e",
    "[::1]:5000/x": "[::1]:5000/x",
    "[fe80::1]/x": "[fe80::1]/x",
    "Registry/x": "Registry/x",
    "ghcr.io/a/b:T_1.x": "ghcr.io/a/b:T_1.x",
    "a---b/c__d": "docker.io/a---b/c__d",
    "xn--n3h.com/myimage": "xn--n3h.com/myimage",
    [`alpine@${DIGEST}`]: `docker.io/library/alpine@${DIGEST}`,
    [`alpine:3@${DIGEST}`]: `docker.io/library/alpine:3@${DIGEST}`,
    [`x@sha512:${"0f".repeat(64)}`]: `docker.io/library/x@sha512:${"0f".repeat(64)}`,
    [`x:${long(128)}`]: `docker.io/library/x:${long(128)}`,
    [`x.y/${long(255)}`]: `x.y/${long(255)}`,
    ["beef"]: "docker.io/library/beef",
  };
  for (const [typed, canonical] of Object.entries(cases)) {
    assert.equal(formatReference(parseReference(typed)), canonical);
  }
});

test("parseReference() refuses what is not a reference", () => {
  const cases = [
    "",
    "Alpine",
    "docker.io/Alpine",
    "a//b",
    "/a",
    "a/",
    "a:",
    ":a",
    "a:b:c",
    "a@sha256:abc",
    "a@",
    "a b",
    " a",
    "a\n",
    "-a",
    "a-",
    "a/-b",
    "a...b",
    "a___b",
    "a._b",
    "a/../b",
    "a:.x",
    "../etc",
    "https://x/y",
    "[::1/x",
    "a.b:port/x",
    "é",
    `a:${long(129)}`,
    `a.b/${long(256)}`,
    "a".repeat(64),
    `a@sha256:${"A1".repeat(32)}`,
    `a@md5:${"0".repeat(32)}`,
    `a@sha384:${"0".repeat(96)}`,
    `a@${DIGEST}@${DIGEST}`,
    `a@${DIGEST}:tag`,
    "x".repeat(5000),
  ];
  for (const text of cases) {
    assert.throws(() => parseReference(text), { code: "invalid_argument" }, text);
  }
});

test("parseReference() says what is wrong", () => {
  const reason = (text: string): string => {
    try {
      parseReference(text);
    } catch (error) {
      return (error as Error).message;
    }
    return "";
  };
  assert.match(reason("Alpine:3"), /cannot use image name "Alpine:3": .*must be lower case/);
  assert.match(reason("a".repeat(64)), /image ID and not a name/);
  assert.match(reason("a@sha256:" + "B".repeat(64)), /not a sha256 or sha512 digest/);
  assert.match(reason(`a.b/${long(256)}`), /more than 255 characters/);
});

test("familiarReference() is the shortest that is read as the same", () => {
  const cases: Readonly<Record<string, string>> = {
    "docker.io/library/alpine:latest": "alpine:latest",
    "docker.io/bitnami/redis": "bitnami/redis",
    "docker.io/library/a/b": "library/a/b",
    "docker.io/a.b/c": "docker.io/a.b/c",
    "docker.io/localhost/x": "docker.io/localhost/x",
    "docker.io/index.docker.io/x": "docker.io/index.docker.io/x",
    "ghcr.io/a/b:1": "ghcr.io/a/b:1",
    [`docker.io/library/${"b".repeat(64)}`]: `docker.io/library/${"b".repeat(64)}`,
    [`docker.io/library/${"b".repeat(64)}:1`]: `${"b".repeat(64)}:1`,
  };
  for (const [canonical, familiar] of Object.entries(cases)) {
    assert.equal(familiarReference(parseReference(canonical)), familiar);
    assert.equal(formatReference(parseReference(familiar)), canonical);
  }
});

test("withDefaultTag() adds latest where nothing says which", () => {
  const tagged = (text: string) => formatReference(withDefaultTag(parseReference(text)));
  assert.equal(tagged("x.y/a"), "x.y/a:latest");
  assert.equal(tagged("x.y/a:1"), "x.y/a:1");
  assert.equal(tagged(`x.y/a@${DIGEST}`), `x.y/a@${DIGEST}`);
  assert.equal(repositoryName(parseReference("a:1")), "docker.io/library/a");
});

test("idPrefix() and isId() tell IDs from names", () => {
  assert.equal(idPrefix("9f8e"), "9f8e");
  assert.equal(idPrefix("sha256:9f8e"), "9f8e");
  assert.equal(idPrefix(DIGEST), DIGEST.slice(7));
  for (const text of ["", "alpine", "9f8e:1", "9F8E", "sha256:", "sha512:00", "0".repeat(65)]) {
    assert.equal(idPrefix(text), undefined, text);
  }
  for (const text of ["sha256:0", DIGEST, DIGEST.slice(7)]) assert.equal(isId(text), true, text);
  for (const text of ["beef", "sha256:", "a@" + DIGEST, ""]) assert.equal(isId(text), false, text);
});

test("parseReference() of random texts never surprises (seeded)", () => {
  const { int, pick } = random(20_241_121);
  const pieces = [
    "a",
    "B",
    "0",
    "9f",
    ".",
    "..",
    "-",
    "_",
    "__",
    "/",
    ":",
    "@",
    "[",
    "]",
    "::1",
    "localhost",
    "docker.io",
    "index.docker.io",
    "library",
    ":5000",
    "latest",
    DIGEST,
    "sha256:",
    " ",
    "\0",
    "%2f",
    "é",
    "a".repeat(63),
  ];
  let valid = 0;
  for (let round = 0; round < 20_000; round++) {
    const text = Array.from({ length: int(9) }, () => pick(pieces)).join("");
    let reference;
    try {
      reference = parseReference(text);
    } catch (error) {
      assert.equal((error as { code?: string }).code, "invalid_argument", JSON.stringify(text));
      continue;
    }
    valid++;
    const canonical = formatReference(reference);
    assert.deepEqual(parseReference(canonical), reference, text);
    assert.deepEqual(parseReference(familiarReference(reference)), reference, text);
    assert.match(repositoryName(reference), /^[\w.:[\]-]+(?:\/[a-z0-9._-]+)+$/, text);
    assert.ok(!/(^|\/)\.\.?(\/|$)/.test(repositoryName(reference)), text);
  }
  assert.ok(valid > 500, `${valid} of them are references`);
});

test("parseReference() takes no longer for hostile texts", () => {
  const started = performance.now();
  for (const part of ["a", "a.", "a-", "a_", "a__", "a/", "-", "[a", "a:", "A"]) {
    for (const end of ["", "!", "/!", ":!"]) {
      try {
        parseReference(part.repeat(1000).slice(0, 1000) + end);
      } catch { /* most are refused */ }
    }
  }
  assert.ok(performance.now() - started < 1000);
});
