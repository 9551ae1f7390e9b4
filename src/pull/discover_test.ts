import assert from "node:assert/strict";
import { test } from "node:test";
import { withHttpRegistry } from "../../tests/fixtures/http_registry.ts";
import { catalog, Registry } from "./mod.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const each of source) found.push(each);
  return found;
}

test("tags() follows the links to all pages, of the same server only", () =>
  withHttpRegistry(({ path, reply }) => {
    if (path === "/v2/app/tags/list?n=2") {
      const Link = '</v2/app/tags/list?n=2&last=b>; rel="next"';
      return reply(200, { Link }, JSON.stringify({ tags: ["a", "b"] }));
    }
    const Link = '<http://other.invalid/v2/app/tags/list>; rel="next"';
    reply(200, { Link }, JSON.stringify({ tags: ["c"] }));
  }, async ({ host, log }) => {
    const registry = new Registry({ repository: `${host}/app` });
    assert.deepEqual(await all(registry.tags({ pageSize: 2 })), ["a", "b", "c"]);
    assert.equal(log.length, 2);
  }));

test("tags() ends when the pages go round in a circle", () =>
  withHttpRegistry(({ reply }) => {
    const Link = '</v2/app/tags/list>; rel="next"';
    reply(200, { Link }, JSON.stringify({ tags: ["a"] }));
  }, async ({ host }) => {
    const registry = new Registry({ repository: `${host}/app` });
    await assert.rejects(all(registry.tags()), { code: "data_loss" });
  }));

test("referrers() asks the API and filters what the registry does not", () => {
  const [one, two] = ["one", "two"].map((artifactType) => ({
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    digest: DIGEST,
    size: 1,
    artifactType,
  }));
  return withHttpRegistry(
    ({ reply }) => reply(200, {}, JSON.stringify({ manifests: [one, two] })),
    async ({ host, log }) => {
      const registry = new Registry({ repository: `${host}/app` });
      assert.deepEqual(await registry.referrers(DIGEST, { artifactType: "two" }), [two]);
      assert.deepEqual(await registry.referrers(DIGEST), [one, two]);
      assert.deepEqual(log, [
        `GET /v2/app/referrers/${DIGEST}?artifactType=two`,
        `GET /v2/app/referrers/${DIGEST}`,
      ]);
    },
  );
});

test("catalog() names all repositories, or says why not", async () => {
  await withHttpRegistry(
    ({ reply }) => reply(200, {}, JSON.stringify({ repositories: ["a", "b/c"] })),
    async ({ host }) => assert.deepEqual(await all(catalog(host)), ["a", "b/c"]),
  );
  await withHttpRegistry(({ reply }) => reply(200, {}, "[]x"), async ({ host }) => {
    await assert.rejects(all(catalog(host)), { code: "data_loss" });
  });
});
