import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalName, familiarName, isTransport, splitName, withoutDocker } from "./name.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

test("canonicalName() completes registry, namespace and tag", () => {
  const cases: Record<string, string> = {
    "alpine": "docker.io/library/alpine:latest",
    "alpine:3.20": "docker.io/library/alpine:3.20",
    "bitnami/redis": "docker.io/bitnami/redis:latest",
    "docker.io/alpine": "docker.io/library/alpine:latest",
    "index.docker.io/library/alpine": "docker.io/library/alpine:latest",
    "localhost/x": "localhost/x:latest",
    "localhost:5000/x/y:v1": "localhost:5000/x/y:v1",
    "127.0.0.1:5000/a__b/c-d.e": "127.0.0.1:5000/a__b/c-d.e:latest",
    "[::1]:5000/x": "[::1]:5000/x:latest",
    "ghcr.io/a/b:T_1.x": "ghcr.io/a/b:T_1.x",
    [`alpine@${DIGEST}`]: `docker.io/library/alpine@${DIGEST}`,
    [`alpine:3@${DIGEST}`]: `docker.io/library/alpine@${DIGEST}`,
  };
  for (const [typed, name] of Object.entries(cases)) assert.equal(canonicalName(typed), name);
});

test("canonicalName() refuses what is not a reference", () => {
  for (
    const text of [
      "",
      "Alpine",
      "a//b",
      "/a",
      "a/",
      "a:",
      "a:b:c",
      "a@sha256:abc",
      "a b",
      "-a",
      "a/../b",
      "a:.x",
      "../etc",
      "https://x/y",
    ]
  ) {
    assert.throws(() => canonicalName(text), { code: "invalid_argument" }, text);
  }
});

test("splitName() and familiarName() take names apart", () => {
  assert.deepEqual(splitName("localhost:5000/x:v1"), {
    repository: "localhost:5000/x",
    tag: "v1",
    digest: undefined,
  });
  assert.deepEqual(splitName(`localhost:5000/x@${DIGEST}`), {
    repository: "localhost:5000/x",
    tag: undefined,
    digest: DIGEST,
  });
  assert.equal(familiarName("docker.io/library/alpine:latest"), "alpine:latest");
  assert.equal(familiarName("docker.io/bitnami/redis"), "bitnami/redis");
  assert.equal(familiarName("ghcr.io/a/b:1"), "ghcr.io/a/b:1");
});

test("isTransport() and withoutDocker() tell files from names", () => {
  for (
    const text of ["oci:dir", "oci:/a/b:tag", "oci-archive:x.tar", "docker-archive:/x.tar:a:1"]
  ) {
    assert.equal(isTransport(text), true, text);
  }
  for (const text of ["oci", "oci:", "my/oci:1", "docker://alpine", "localhost:5000/oci"]) {
    assert.equal(isTransport(text), false, text);
  }
  assert.equal(withoutDocker("docker://quay.io/x:1"), "quay.io/x:1");
  assert.equal(withoutDocker("alpine"), "alpine");
});
