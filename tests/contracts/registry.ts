/**
 * What our client does with every registry: the workflows of the distribution specification's
 * conformance suite, pull and push. Called by the tests of each registry.
 *
 * @see https://github.com/opencontainers/distribution-spec/tree/main/conformance
 * @module
 */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Registry, type RegistryOptions } from "../../src/pull/mod.ts";
import { digestOf, ImageBuilder } from "../fixtures/oci_layout.ts";
import { type Tampering, withTamperingFront } from "../fixtures/tampering_front.ts";

/** A registry, and what it does in its own way. */
export interface RegistryUnderTest {
  readonly skip: string | false;
  start(): Promise<{ readonly host: string; stop(): Promise<void> }>;
  /** Blobs are mounted from other repositories, not only between them. */
  readonly mounts: boolean;
  /** It refuses manifests whose blobs it does not have. */
  readonly checksBlobs: boolean;
  /** It can delete a tag alone. */
  readonly deletesTags: boolean;
  /** What it says to deleting a blob that is not there. */
  readonly missingBlob: 404 | 500;
  /** It has the referrers API, and knows this member for the type of an artifact. */
  readonly referrers: "artifactType" | "config" | false;
}

/** What a case gets. */
export interface Case {
  readonly host: string;
  /** The client of a repository that no other case uses. */
  readonly registry: Registry;
  readonly path: string;
  open(path: string, more?: Partial<RegistryOptions>): Registry;
}

/** Registers cases that share one registry. */
export function registryCases(
  name: string,
  under: RegistryUnderTest,
): (what: string, work: (the: Case) => Promise<void>) => void {
  let running: ReturnType<RegistryUnderTest["start"]> | undefined;
  let cases = 0;
  after(async () => await (await running)?.stop());
  return (what, work) => {
    const path = `conformance/case-${++cases}`;
    test(`${name}: ${what}`, { skip: under.skip }, async () => {
      const { host } = await (running ??= under.start());
      const open: Case["open"] = (path, more = {}) =>
        new Registry({ repository: `${host}/${path}`, retryMs: 1, ...more });
      await work({ host, path, open, registry: open(path) });
    });
  };
}

/** All of a blob. */
export async function read(registry: Registry, digest: string, size: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const mediaType = "application/octet-stream";
  for await (const chunk of registry.blob({ mediaType, digest, size })) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

/** Bytes as a push wants them. */
export function sourceOf(bytes: Uint8Array): (start: number) => AsyncGenerator<Uint8Array> {
  return async function* (start) {
    for (let at = start; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
  };
}

/** An image whose blobs are in the repository. @returns its manifest, which is not pushed. */
export async function pushBlobs(
  registry: Registry,
  seed: string,
  more: object = {},
): Promise<{ descriptor: ReturnType<ImageBuilder["put"]>; bytes: Uint8Array }> {
  const images = new ImageBuilder();
  const config = images.put("application/vnd.oci.image.config.v1+json", { seed });
  const layer = images.put("application/vnd.oci.image.layer.v1.tar", `layer of ${seed}`);
  const manifest = { schemaVersion: 2, mediaType: TYPE, config, layers: [layer], ...more };
  for (const each of [config, layer]) {
    await registry.pushBlob(each, sourceOf(images.blobs.get(each.digest)!));
  }
  const descriptor = images.put(TYPE, manifest);
  return { descriptor, bytes: images.blobs.get(descriptor.digest)! };
}

export const TYPE = "application/vnd.oci.image.manifest.v1+json";
const NOBODY = digestOf("nobody has this");

/** Two megabytes and a bit, more than a client sends from memory; others for every case. */
function large(path: string): { bytes: Uint8Array; blob: { digest: string; size: number } } {
  const bytes = Uint8Array.from({ length: (2 << 20) + 77 }, (_, at) => (at * at) >> 3);
  bytes.set(new TextEncoder().encode(path));
  return { bytes, blob: { digest: digestOf(bytes), size: bytes.length } };
}

/** Register pull and push. */
export function pullAndPush(name: string, under: RegistryUnderTest): void {
  const contract = registryCases(name, under);

  contract("pull: a blob by digest, and whether there is one", async ({ path, registry }) => {
    const { bytes, blob } = large(path);
    assert.equal(await registry.hasBlob(blob.digest), false);
    await assert.rejects(read(registry, blob.digest, 1), { code: "not_found", status: 404 });
    await registry.pushBlob(blob, sourceOf(bytes));
    assert.equal(await registry.hasBlob(blob.digest), true);
    assert.equal(await registry.hasBlob(NOBODY), false);
    assert.deepEqual(await read(registry, blob.digest, blob.size), bytes);
  });

  contract("pull: a manifest by tag and by digest, and what it is", async ({ registry }) => {
    const document = await pushBlobs(registry, "pull");
    const { digest } = document.descriptor;
    for (const reference of ["v1", digest]) {
      assert.equal(await registry.resolve(reference), undefined);
      await assert.rejects(registry.manifest(reference), (error: Error & { errors?: unknown }) => {
        assert.match(JSON.stringify(error.errors), /"(MANIFEST|NAME)_UNKNOWN"/);
        return (error as { code?: string }).code === "not_found";
      });
    }
    await registry.pushManifest("v1", document);
    for (const reference of ["v1", digest]) {
      assert.deepEqual(await registry.resolve(reference), document.descriptor);
      const { bytes, descriptor } = await registry.manifest(reference);
      assert.deepEqual(descriptor, document.descriptor);
      assert.deepEqual(new Uint8Array(bytes), document.bytes);
    }
  });

  contract("pull: a download that breaks off goes on", async ({ host, path, registry }) => {
    const { bytes, blob } = large(path);
    await registry.pushBlob(blob, sourceOf(bytes));
    const tamper = ({ before, method }: { before: number; method: string }): Tampering =>
      method === "GET" && before < 2 ? "half" : "pass";
    await withTamperingFront(host, tamper, async (front) => {
      const through = new Registry({ repository: `${front.host}/${path}`, retryMs: 1 });
      assert.deepEqual(await read(through, blob.digest, blob.size), bytes);
      assert.ok(front.log.length >= 3, front.log.join());
    });
  });

  for (
    const [how, length, options] of [
      ["monolithic", 1000, {}],
      ["streamed", Infinity, {}],
      ["chunked", Infinity, { chunkBytes: 700_000 }],
      ["of nothing", 0, {}],
    ] as const
  ) {
    contract(`push: a blob, ${how}`, async ({ path, registry }) => {
      const bytes = large(path).bytes.slice(0, length);
      const blob = { digest: digestOf(bytes), size: bytes.length };
      assert.equal(await registry.pushBlob(blob, sourceOf(bytes), options), "pushed");
      assert.deepEqual(await read(registry, blob.digest, blob.size), bytes);
      assert.equal(await registry.pushBlob(blob, sourceOf(bytes), options), "exists");
    });
  }

  const spoiled: [string, Tampering][] = [
    ["that arrives twice is out of order", "twice"],
    ["whose answer is lost", "lost"],
    ["that arrives by half", "half-sent"],
  ];
  for (const [what, tampering] of spoiled) {
    contract(`push: a chunk ${what}, and the upload goes on`, async ({ host, path, registry }) => {
      const { bytes, blob } = large(path);
      const tamper = ({ before, method }: { before: number; method: string }): Tampering =>
        method === "PATCH" && before === 1 ? tampering : "pass";
      await withTamperingFront(host, tamper, async (front) => {
        const through = new Registry({ repository: `${front.host}/${path}`, retryMs: 1 });
        const sent = await through.pushBlob(blob, sourceOf(bytes), { chunkBytes: 700_000 });
        assert.equal(sent, "pushed");
        assert.ok(front.log.filter((line) => line.startsWith("PATCH")).length > 2);
      });
      assert.deepEqual(await read(registry, blob.digest, blob.size), bytes);
    });
  }

  contract("push: a blob from another repository, or from nowhere", async ({ open, path }) => {
    const [from, to] = [open(`${path}/from`), open(`${path}/to`)];
    const bytes = new TextEncoder().encode(`mounted by ${name}`);
    const blob = { digest: digestOf(bytes), size: bytes.length };
    await from.pushBlob(blob, sourceOf(bytes));
    const mountFrom = `${path}/from`;
    const mounted = await to.pushBlob(blob, sourceOf(bytes), { mountFrom });
    // A registry without repositories for blobs has it already.
    assert.equal(mounted, under.mounts ? "mounted" : "exists");
    assert.deepEqual(await read(to, blob.digest, blob.size), bytes);
    const other = new TextEncoder().encode(`not mounted by ${name}`);
    const missing = { digest: digestOf(other), size: other.length };
    assert.equal(await to.pushBlob(missing, sourceOf(other), { mountFrom }), "pushed");
  });

  contract("push: bytes with another digest are refused", async ({ path, registry }) => {
    const blob = { digest: NOBODY, size: 1000 };
    await assert.rejects(
      registry.pushBlob(blob, sourceOf(large(path).bytes.subarray(0, 1000))),
      (error: Error & { errors?: { code: string }[]; status?: number }) => {
        assert.equal(error.status, 400);
        return error.errors?.[0]?.code === "DIGEST_INVALID";
      },
    );
    assert.equal(await registry.hasBlob(NOBODY), false);
  });

  contract("push: manifests by tag and digest, also without layers", async ({ registry }) => {
    const tagged = await pushBlobs(registry, "tagged");
    const empty = await pushBlobs(registry, "empty", { layers: [] });
    await registry.pushManifest("v1", tagged);
    await registry.pushManifest(empty.descriptor.digest, empty);
    await registry.pushManifest("v2", tagged);
    await registry.pushManifest("v1", empty);
    assert.equal((await registry.resolve("v1"))?.digest, empty.descriptor.digest);
    assert.equal((await registry.resolve("v2"))?.digest, tagged.descriptor.digest);
    assert.deepEqual(
      new Uint8Array((await registry.manifest(empty.descriptor.digest)).bytes),
      empty.bytes,
    );
  });

  contract("push: a manifest without its blobs, as the registry likes", async ({ registry }) => {
    const images = new ImageBuilder();
    const config = images.put("application/vnd.oci.image.config.v1+json", "{}");
    const layers = [{ mediaType: config.mediaType, digest: NOBODY, size: 1 }];
    const descriptor = images.put(TYPE, { schemaVersion: 2, mediaType: TYPE, config, layers });
    const document = { descriptor, bytes: images.blobs.get(descriptor.digest)! };
    if (!under.checksBlobs) return await registry.pushManifest("v1", document);
    await assert.rejects(
      registry.pushManifest("v1", document),
      (error: Error & { errors?: unknown }) =>
        JSON.stringify(error.errors).includes('"MANIFEST_BLOB_UNKNOWN"'),
    );
  });
}
