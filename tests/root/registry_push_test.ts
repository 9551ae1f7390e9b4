/**
 * The registry client against a real registry.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { catalog, type Document, Registry } from "../../src/pull/mod.ts";
import { output } from "../fixtures/cli.ts";
import { startDockerRegistry } from "../fixtures/docker_registry.ts";
import { FakeRegistry } from "../fixtures/fake_remote.ts";
import { needs } from "../fixtures/needs.ts";

const NEEDS = needs("root", "cmd:docker-registry", "cmd:skopeo");
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const each of source) found.push(each);
  return found;
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
}

function document(value: unknown): Document {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return { bytes, descriptor: { mediaType: MANIFEST, digest, size: bytes.length } };
}

test("an image that is pushed in every way is what skopeo reads", NEEDS, async () => {
  const docker = await startDockerRegistry({ delete: true });
  try {
    const source = new FakeRegistry();
    const noise = Buffer.alloc(3 << 20);
    for (let at = 0; at < noise.length; at++) noise[at] = (at * at) % 251 ^ at >> 9;
    const image = source.image(
      [[{ path: "large", data: noise }], [{ path: "small", data: "1" }]],
      { compression: "none" },
    );
    const bytes = source.blobs.get(image.digest)!;
    const { config, layers } = JSON.parse(new TextDecoder().decode(bytes));
    const pushed = async (name: string, options = {}) => {
      const registry = new Registry({ repository: `${docker.host}/${name}`, operation: "push" });
      const results = [];
      for (const each of [config, ...layers]) {
        const from = (start: number) => pieces(source.blobs.get(each.digest)!.subarray(start));
        results.push(await registry.pushBlob(each, from, options));
      }
      await registry.pushManifest("v1", { descriptor: image, bytes });
      await output([
        ...["skopeo", "--insecure-policy", "copy", "-q", "--src-tls-verify=false"],
        ...[`docker://${docker.host}/${name}:v1`, `dir:${docker.storage}/${name}`],
      ]);
      return results.join();
    };
    assert.equal(await pushed("streamed"), "pushed,pushed,pushed");
    assert.equal(await pushed("streamed"), "exists,exists,exists");
    assert.equal(await pushed("mounted", { mountFrom: "streamed" }), "mounted,mounted,mounted");
    assert.equal(await pushed("chunked", { chunkBytes: 500_000 }), "pushed,pushed,pushed");
    assert.deepEqual(await all(catalog(docker.host, { pageSize: 2 })), [
      "chunked",
      "mounted",
      "streamed",
    ]);

    const registry = new Registry({ repository: `${docker.host}/streamed` });
    for (const tag of ["v2", "v3"]) await registry.pushManifest(tag, { descriptor: image, bytes });
    assert.deepEqual(await all(registry.tags({ pageSize: 2 })), ["v1", "v2", "v3"]);
    assert.equal(await registry.deleteManifest(image.digest), true);
    assert.equal(await registry.deleteManifest(image.digest), false);
    await assert.rejects(registry.manifest("v1"), { code: "not_found" });
    assert.equal(await registry.deleteBlob(layers[1].digest), true);
    assert.equal(await registry.hasBlob(layers[1].digest), false);
  } finally {
    await docker.stop();
  }
});

test("referrers are found in a registry that has no API for them", NEEDS, async () => {
  const docker = await startDockerRegistry();
  try {
    const registry = new Registry({ repository: `${docker.host}/app` });
    const empty = document({});
    await registry.pushBlob(empty.descriptor, async function* () {
      yield empty.bytes;
    });
    const config = { ...empty.descriptor, mediaType: "application/vnd.oci.empty.v1+json" };
    const manifest = { schemaVersion: 2, mediaType: MANIFEST, config, layers: [config] };
    const subject = document(manifest);
    await registry.pushManifest("latest", subject);
    assert.deepEqual(await registry.referrers(subject.descriptor.digest), []);
    for (const artifactType of ["test/signature", "test/sbom"]) {
      const { descriptor, bytes } = document({
        ...manifest,
        artifactType,
        subject: subject.descriptor,
        annotations: { about: artifactType },
      });
      await registry.pushManifest(descriptor.digest, { descriptor, bytes });
    }
    const found = await registry.referrers(subject.descriptor.digest);
    assert.deepEqual(found.map(({ artifactType }) => artifactType), [
      "test/signature",
      "test/sbom",
    ]);
    const [sbom, ...more] = await registry.referrers(subject.descriptor.digest, {
      artifactType: "test/sbom",
    });
    assert.deepEqual([sbom?.annotations, more], [{ about: "test/sbom" }, []]);
  } finally {
    await docker.stop();
  }
});
