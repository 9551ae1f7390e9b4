/**
 * What our client does with every registry: content discovery and content management of the
 * distribution specification's conformance suite.
 *
 * @module
 */

import assert from "node:assert/strict";
import { catalog } from "../../src/pull/mod.ts";
import { digestOf } from "../fixtures/oci_layout.ts";
import { pushBlobs, registryCases, type RegistryUnderTest, sourceOf, TYPE } from "./registry.ts";

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const each of source) found.push(each);
  return found;
}

/** Register discovery and management. */
export function discoveryAndManagement(name: string, under: RegistryUnderTest): void {
  const contract = registryCases(name, under);

  contract("discovery: tags, all, by pages, and after one", async ({ registry }) => {
    const image = await pushBlobs(registry, "tags");
    const tags = ["a-1", "a-2", "b", "latest", "z.9"];
    for (const tag of tags.toReversed()) await registry.pushManifest(tag, image);
    // The order is the registry's business.
    const listed = async (options = {}) => (await all(registry.tags(options))).sort();
    assert.deepEqual(await listed(), tags);
    for (const pageSize of [1, 2, 4, 5, 100]) {
      assert.deepEqual(await listed({ pageSize }), tags, `by ${pageSize}`);
    }
    assert.deepEqual(await listed({ after: "a-2" }), tags.slice(2));
    assert.deepEqual(await listed({ after: "a-1", pageSize: 2 }), tags.slice(1));
    assert.deepEqual(await listed({ after: "b-does-not-exist" }), tags.slice(3));
    assert.deepEqual(await listed({ after: "z.9" }), []);
  });

  contract("discovery: no tags of a repository that there is not", async ({ registry }) => {
    await assert.rejects(
      all(registry.tags()),
      (error: Error & { code?: string; errors?: { code: string }[] }) =>
        error.code === "not_found" && error.errors?.[0]?.code === "NAME_UNKNOWN",
    );
  });

  contract("discovery: repositories", async ({ host, path, registry }) => {
    await registry.pushManifest("v1", await pushBlobs(registry, "catalog"));
    assert.ok((await all(catalog(host))).includes(path));
  });

  contract("discovery: referrers, by type too, in the order of nobody", async ({ registry }) => {
    const subject = await pushBlobs(registry, "subject");
    const { digest } = subject.descriptor;
    assert.deepEqual(await registry.referrers(digest), []);
    const types = ["test/sbom", "test/signature", "test/signature"];
    const pushed: string[] = [];
    for (const [at, artifactType] of types.entries()) {
      // The subject itself comes last: it need not be there.
      const config = { mediaType: artifactType, digest: digestOf("{}"), size: 2 };
      await registry.pushBlob(config, sourceOf(new TextEncoder().encode("{}")));
      const referrer = await pushBlobs(registry, `referrer ${at}`, {
        ...under.referrers === "config" ? {} : { artifactType },
        config,
        subject: subject.descriptor,
        annotations: { at: String(at) },
      });
      await registry.pushManifest(referrer.descriptor.digest, referrer);
      pushed.push(referrer.descriptor.digest);
    }
    await registry.pushManifest("v1", subject);
    const found = await registry.referrers(digest);
    assert.deepEqual(found.map((each) => each.digest).sort(), [...pushed].sort());
    for (const each of found) {
      const at = pushed.indexOf(each.digest);
      assert.deepEqual(
        [each.artifactType, each.mediaType, each.annotations],
        [types[at], TYPE, { at: String(at) }],
      );
    }
    const signatures = await registry.referrers(digest, { artifactType: "test/signature" });
    assert.deepEqual(signatures.map((each) => each.digest).sort(), pushed.slice(1).sort());
    assert.deepEqual(await registry.referrers(digest, { artifactType: "test/none" }), []);

    assert.equal(await registry.deleteManifest(pushed[1]!), true);
    const left = (await registry.referrers(digest)).map((each) => each.digest);
    assert.deepEqual(left.sort(), [pushed[0], pushed[2]].sort());
    if (under.referrers === false) {
      const { bytes } = await registry.manifest(digest.replace(":", "-"));
      assert.equal(JSON.parse(new TextDecoder().decode(bytes)).manifests.length, 2);
    }
  });

  contract("management: a tag is deleted and its manifest stays", async ({ registry }) => {
    const image = await pushBlobs(registry, "tag");
    for (const tag of ["one", "two"]) await registry.pushManifest(tag, image);
    if (!under.deletesTags) {
      await assert.rejects(registry.deleteManifest("one"), { code: "not_implemented" });
      return;
    }
    assert.equal(await registry.deleteManifest("one"), true);
    assert.deepEqual(await all(registry.tags()), ["two"]);
    assert.equal(await registry.resolve("one"), undefined);
    assert.ok(await registry.resolve(image.descriptor.digest));
    assert.equal(await registry.deleteManifest("one"), false);
  });

  contract("management: a manifest is deleted by its digest", async ({ registry }) => {
    const image = await pushBlobs(registry, "manifest");
    await registry.pushManifest(image.descriptor.digest, image);
    assert.equal(await registry.deleteManifest(image.descriptor.digest), true);
    assert.equal(await registry.resolve(image.descriptor.digest), undefined);
    await assert.rejects(registry.manifest(image.descriptor.digest), { code: "not_found" });
    assert.equal(await registry.deleteManifest(image.descriptor.digest), false);
  });

  contract("management: a blob is deleted", async ({ registry }) => {
    const bytes = new TextEncoder().encode("not for long");
    const blob = { digest: digestOf(bytes), size: bytes.length };
    await registry.pushBlob(blob, sourceOf(bytes));
    assert.equal(await registry.deleteBlob(blob.digest), true);
    assert.equal(await registry.hasBlob(blob.digest), false);
    if (under.missingBlob === 404) assert.equal(await registry.deleteBlob(blob.digest), false);
    else await assert.rejects(registry.deleteBlob(blob.digest), { status: under.missingBlob });
  });
}
