/**
 * Signatures from a registry that means harm: nothing is let in, and nothing is read without end.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { openImages, type SignaturePolicy, type VerifiedImage } from "../../src/image/mod.ts";
import { keysOf, payloadOf, signed } from "../fixtures/cosign.ts";
import { withHttpRegistry } from "../fixtures/http_registry.ts";
import { needs } from "../fixtures/needs.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json";
const { privateKey, publicKey } = keysOf();
const payload = payloadOf(DIGEST);
const annotations = { "dev.cosignproject.cosign/signature": signed(payload, privateKey) };
const sha256 = (data: Uint8Array | string) =>
  `sha256:${createHash("sha256").update(data).digest("hex")}`;
const layer = { mediaType: SIMPLE, digest: sha256(payload), size: payload.length, annotations };

/** What a registry answers besides. */
interface Answers {
  /** Under the tag of signatures. */
  readonly tagged?: unknown;
  readonly referrers?: unknown;
  /** In place of the payload. */
  readonly blob?: Uint8Array;
}

/** Verify with a key against it. @returns how many requests it took */
async function verify(
  { tagged, referrers, blob = payload }: Answers,
  check: (work: Promise<VerifiedImage>) => Promise<unknown>,
): Promise<number> {
  let requests = 0;
  await withHttpRegistry(({ path, reply }) => {
    requests++;
    const text = (value: unknown) => typeof value === "string" ? value : JSON.stringify(value);
    if (path.endsWith(".sig") && tagged !== undefined) {
      reply(200, { "Content-Type": MANIFEST }, text(tagged));
    } else if (path.includes("/referrers/") && referrers !== undefined) {
      reply(200, { "Content-Type": "application/vnd.oci.image.index.v1+json" }, text(referrers));
    } else if (path.includes("/blobs/")) reply(200, {}, blob);
    else reply(404);
  }, async ({ host }) => {
    // Verification needs nothing of a store.
    const options = { state: { dirs: { data: "/nowhere" } } } as Parameters<typeof openImages>[0];
    const policy: SignaturePolicy = { key: publicKey };
    await check(openImages(options).verify(`${host}/x`, policy, { digest: DIGEST }));
  });
  return requests;
}

const whole = { schemaVersion: 2, mediaType: MANIFEST, layers: [layer] };

/** What each answer is told; the right one is the first. */
const HOSTILE: Readonly<Record<string, [Answers, RegExp]>> = {
  "nothing": [{}, /has no signatures/],
  "no JSON": [{ tagged: "{" }, /it is not JSON/],
  "no object": [{ tagged: "[]" }, /not a JSON object/],
  "layers that are no list": [{ tagged: { ...whole, layers: { length: 9 } } }, /no signatures/],
  "a layer that is none": [{ tagged: { ...whole, layers: [null] } }, /not an object/],
  "a digest that is a path": [
    { tagged: { ...whole, layers: [{ ...layer, digest: "sha256:../../x" }] } },
    /is not a digest/,
  ],
  "a negative size": [{ tagged: { ...whole, layers: [{ ...layer, size: -1 }] } }, /the size of/],
  "a payload of 5 GB": [
    { tagged: { ...whole, layers: [{ ...layer, size: 5e9 }] } },
    /no signatures/,
  ],
  "another payload": [{ tagged: whole, blob: payloadOf(`sha256:${"b".repeat(64)}`) }, /digest/],
  "a payload without end": [{ tagged: whole, blob: new Uint8Array(1 << 22) }, /bytes/],
  "no signature": [
    { tagged: { ...whole, layers: [{ ...layer, annotations: {} }] } },
    /no signatures/,
  ],
  "referrers that are none": [{ referrers: { manifests: [{ artifactType: 5 }] } }, /./],
  "a referrer of another digest": [
    {
      referrers: {
        manifests: [{
          mediaType: MANIFEST,
          digest: `sha256:${"c".repeat(64)}`,
          size: 5,
          artifactType: "application/vnd.dev.sigstore.bundle.v0.3+json",
        }],
      },
    },
    /no signatures/,
  ],
};

test("a hostile registry's signatures let nothing in", needs("root"), async () => {
  await verify({ tagged: whole }, async (work) => assert.equal((await work).signatures.length, 1));
  for (const [what, [answers, told]] of Object.entries(HOSTILE)) {
    await verify(answers, (work) => assert.rejects(work, told, what));
  }
});

test("of many signatures some are read", needs("root"), async () => {
  const wrong = { "dev.cosignproject.cosign/signature": "AAAA" };
  const layers = Array.from({ length: 5000 }, () => ({ ...layer, annotations: wrong }));
  const requests = await verify(
    { tagged: { ...whole, layers } },
    (work) => assert.rejects(work, /not by this key$/),
  );
  assert.ok(requests < 250, `${requests} requests`);
});
