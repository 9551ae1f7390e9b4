import assert from "node:assert/strict";
import { test } from "node:test";
import { readDocuments } from "./documents.ts";
import type { Descriptor } from "./sources.ts";

const INDEX = "application/vnd.oci.image.index.v1+json";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const CONFIG = "application/vnd.oci.image.config.v1+json";

const digestOf = (n: number): string => `sha256:${String(n).padStart(64, "0")}`;

/** Documents by number; each has the digest of its number. */
function read(documents: Record<number, unknown>, target: Descriptor, platform = "linux/amd64") {
  return readDocuments(target, platform, async ({ digest }) => {
    const document = documents[Number(digest.slice(7))];
    return new TextEncoder().encode(
      typeof document === "string" ? document : JSON.stringify(document),
    );
  });
}

const at = (n: number, mediaType: string, more: object = {}) => ({
  mediaType,
  digest: digestOf(n),
  size: 10,
  ...more,
});
const manifest = { mediaType: MANIFEST, config: at(8, CONFIG), layers: [at(9, "tar")] };
const config = {
  architecture: "amd64",
  os: "linux",
  rootfs: { type: "layers", diff_ids: [digestOf(7)] },
};
const ok = { 1: manifest, 8: config };

test("readDocuments() reads a manifest and its configuration", async () => {
  const found = await read(ok, at(1, MANIFEST));
  assert.equal(found.manifest.digest, digestOf(1));
  assert.deepEqual(found.layers.map(({ digest }) => digest), [digestOf(9)]);
  assert.equal(found.config.architecture, "amd64");
});

test("readDocuments() chooses by platform, older variants included, attestations not", async () => {
  const platform = (os: string, architecture: string, variant?: string) => ({
    platform: { os, architecture, variant },
  });
  const index = {
    mediaType: INDEX,
    manifests: [
      at(5, MANIFEST, platform("unknown", "unknown")),
      at(4, MANIFEST, platform("linux", "arm", "v6")),
      at(3, MANIFEST, platform("linux", "arm64", "v8")),
      at(1, MANIFEST, platform("linux", "amd64")),
    ],
  };
  const documents = { 2: index, 1: manifest, 3: manifest, 4: manifest, 8: config };
  const chosen = async (wanted: string) =>
    Number((await read(documents, at(2, INDEX), wanted)).manifest.digest.slice(7));
  assert.equal(await chosen("linux/amd64"), 1);
  assert.equal(await chosen("linux/arm64"), 3);
  assert.equal(await chosen("linux/arm/v7"), 4);
  await assert.rejects(chosen("linux/arm/v5"), { code: "not_found" });
  await assert.rejects(chosen("windows/amd64"), {
    code: "not_found",
    message: /it is for linux\/arm\/v6, linux\/arm64, linux\/amd64/,
  });
});

test("readDocuments() refuses documents that are not what they should be", async () => {
  const index = { mediaType: INDEX, manifests: [at(2, INDEX)] };
  const cases: [Record<number, unknown>, Descriptor][] = [
    [{ 1: "not json" }, at(1, MANIFEST)],
    [{ 1: "[]" }, at(1, MANIFEST)],
    [{ 1: "null" }, at(1, MANIFEST)],
    [
      { ...ok, 1: { ...manifest, layers: [{ digest: "sha256:../../etc", size: 1 }] } },
      at(1, MANIFEST),
    ],
    [{ ...ok, 1: { ...manifest, layers: [at(9, "tar", { size: -1 })] } }, at(1, MANIFEST)],
    [{ ...ok, 1: { ...manifest, config: undefined } }, at(1, MANIFEST)],
    [{ ...ok, 1: { ...manifest, layers: [] } }, at(1, MANIFEST)],
    [{ ...ok, 1: { ...manifest, layers: Array(501).fill(at(9, "tar")) } }, at(1, MANIFEST)],
    [{ 2: index }, at(2, INDEX)],
    [ok, at(1, INDEX)],
  ];
  for (const [documents, target] of cases) {
    await assert.rejects(read(documents, target), { code: "data_loss" }, JSON.stringify(documents));
  }
  await assert.rejects(read({ ...ok, 1: { ...manifest, layers: undefined } }, at(1, MANIFEST)), {
    code: "not_implemented",
  });
  await assert.rejects(read({ ...ok, 8: { helm: true } }, at(1, MANIFEST)), {
    code: "not_implemented",
  });
});
