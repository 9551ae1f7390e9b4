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

test("referrers() and tags() take no nonsense for an answer", async () => {
  const fails = (body: string | Uint8Array, message: RegExp, what: "referrers" | "tags") =>
    withHttpRegistry(({ reply }) => reply(200, {}, body), async ({ host }) => {
      const registry = new Registry({ repository: `${host}/app`, retryMs: 1 });
      const asked = what === "tags" ? all(registry.tags()) : registry.referrers(DIGEST);
      await assert.rejects(asked, { code: "data_loss", message });
    });
  await fails(JSON.stringify({ manifests: [{ digest: "../x" }] }), /is not a digest/, "referrers");
  await fails(JSON.stringify({ manifests: [null] }), /is not an object/, "referrers");
  const manifests = `{"manifests":[${Array(1_000_000).fill("{}").join()}]}`;
  await fails(manifests, /is not a digest/, "referrers");
  await fails("[[[[", /not a JSON object/, "tags");
  await fails(JSON.stringify({ tags: "all of them" }), /has no tags/, "tags");
});

test("tags() ends when there is no end of them", () => {
  let page = 0;
  return withHttpRegistry(({ reply }) => {
    const tags = [`${page++}`.padStart(4_000_000, "x")];
    reply(200, { Link: `</v2/app/tags/list?page=${page}>; rel="next"` }, JSON.stringify({ tags }));
  }, async ({ host }) => {
    const registry = new Registry({ repository: `${host}/app` });
    await assert.rejects(async () => {
      for await (const _ of registry.tags());
    }, { code: "data_loss", message: /names have more than 33554432 characters/ });
  });
});
