import assert from "node:assert/strict";
import { test } from "node:test";
import { envelopeOf, keysOf, payloadOf, signed } from "../../../tests/fixtures/cosign.ts";
import { readKey, verifyByKey } from "./by_key.ts";
import type { FoundSignature } from "./types.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

function simple(payload: Uint8Array, signature: string): FoundSignature {
  const [certificate, log, timestamp] = [undefined, undefined, undefined];
  return { form: "simple", where: "here", payload, signature, certificate, log, timestamp };
}

for (const kind of ["ec", "rsa", "ed25519"] as const) {
  test(`verifyByKey() knows ${kind} keys, payloads and envelopes`, () => {
    const { privateKey, publicKey } = keysOf(kind);
    const key = readKey(publicKey);
    const payload = payloadOf(DIGEST);
    const signature = signed(payload, privateKey);
    assert.equal(verifyByKey(simple(payload, signature), key, DIGEST, {}).by, "key");
    const changed = Uint8Array.from(payload, (byte, at) => at === 5 ? byte ^ 1 : byte);
    for (const [data, proof] of [[changed, signature], [payload, ""], [payload, "!"]] as const) {
      assert.throws(() => verifyByKey(simple(data, proof), key, DIGEST, {}), /not by this key/);
    }
    const { toSign, ...envelope } = envelopeOf(DIGEST);
    const signatures = [{ sig: signed(toSign, privateKey) }];
    const bundle = (dsseEnvelope: unknown): FoundSignature => ({
      form: "bundle",
      where: "here",
      json: { dsseEnvelope },
    });
    verifyByKey(bundle({ ...envelope, signatures }), key, DIGEST, {});
    const hostile = [
      undefined,
      {},
      { ...envelope, signatures: 5 },
      { ...envelope, signatures: [] },
      {
        ...envelope,
        signatures: [null],
      },
    ];
    for (const each of hostile) {
      assert.throws(() => verifyByKey(bundle(each), key, DIGEST, {}), {
        code: "permission_denied",
      });
    }
  });
}

test("verifyByKey() refuses what is signed and says something else", () => {
  const { privateKey, publicKey } = keysOf();
  const key = readKey(publicKey);
  const hostile: readonly [unknown, RegExp][] = [
    [null, /not a JSON object/],
    [{}, /no signature of an image/],
    [{ critical: { type: "x", image: { "docker-manifest-digest": DIGEST } } }, /but "x"/],
    [{ critical: { type: "cosign container image signature", image: null } }, /it is for ""/],
  ];
  for (const [value, told] of hostile) {
    const payload = new TextEncoder().encode(JSON.stringify(value));
    const found = simple(payload, signed(payload, privateKey));
    assert.throws(() => verifyByKey(found, key, DIGEST, {}), told);
  }
});

test("readKey() wants a public key", () => {
  const { privateKey, publicKey } = keysOf();
  readKey(publicKey);
  const secret = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  assert.throws(() => readKey(secret), /it is a private key/);
  assert.throws(() => readKey("x"), /not the PEM of a public key/);
});
