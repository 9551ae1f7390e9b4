import assert from "node:assert/strict";
import { test } from "node:test";
import { readDocuments } from "../../src/image/documents.ts";

// OCI: a document with both `manifests` and `layers` is an index to one reader and a manifest to
// another. https://github.com/opencontainers/distribution-spec/security/advisories/GHSA-mc8v-mgrf-8f4m

const digest = `sha256:${"1".repeat(64)}`;

test("CVE-2021-41190: a document that is both index and manifest is refused", async () => {
  for (const mediaType of ["index", "manifest"]) {
    const type = `application/vnd.oci.image.${mediaType}.v1+json`;
    const entry = { mediaType: type, digest, size: 1 };
    for (const stated of [{ mediaType: type }, {}]) {
      const document = { ...stated, manifests: [entry], layers: [entry], config: entry };
      const read = async () => new TextEncoder().encode(JSON.stringify(document));
      await assert.rejects(readDocuments(entry, "linux/amd64", read), {
        code: "data_loss",
        message: /both an index and a manifest/,
      });
    }
  }
});

test("CVE-2021-41190: a document that says it is something else is refused", async () => {
  const entry = { mediaType: "application/vnd.oci.image.manifest.v1+json", digest, size: 1 };
  const document = { mediaType: "application/vnd.oci.image.index.v1+json", manifests: [] };
  const read = async () => new TextEncoder().encode(JSON.stringify(document));
  await assert.rejects(readDocuments(entry, "linux/amd64", read), { code: "data_loss" });
});
