import assert from "node:assert/strict";
import { test } from "node:test";
import { envelopeOf, payloadOf, type SimpleSignature } from "../../../tests/fixtures/cosign.ts";
import { type Signing, TestSigstore } from "../../../tests/fixtures/sigstore.ts";
import { identityVerifier } from "./by_identity.ts";
import type { FoundSignature } from "./types.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const ME = { identity: "me@example.com", issuer: "https://issuer.test" };
const sigstore = new TestSigstore();
const policy = { ...ME, trustedRoot: sigstore.trustedRoot };

function simple({ payload, signature, annotations = {} }: SimpleSignature): FoundSignature {
  return {
    form: "simple",
    where: "here",
    payload,
    signature,
    certificate: annotations["dev.sigstore.cosign/certificate"],
    log: annotations["dev.sigstore.cosign/bundle"],
    timestamp: undefined,
  };
}

const bundle = (json: unknown): FoundSignature => ({ form: "bundle", where: "here", json });

test("identityVerifier() takes cosign's signatures and bundles of an identity", async () => {
  const verifier = await identityVerifier(policy);
  const found = simple(sigstore.sign(payloadOf(DIGEST), ME));
  const { by, identity, issuer } = verifier.verify(found, DIGEST);
  assert.deepEqual({ by, identity, issuer }, { by: "identity", ...ME });
  verifier.verify(bundle(sigstore.bundle(envelopeOf(DIGEST), ME)), DIGEST);
  for (const each of [found, bundle(sigstore.bundle(envelopeOf(DIGEST), ME))]) {
    assert.throws(() => verifier.verify(each, `sha256:${"b".repeat(64)}`), /it is for "/);
  }
});

test("identityVerifier() compares identities and issuers, or finds patterns in them", async () => {
  const workflow = {
    identity: "https://github.com/me/app/.github/workflows/release.yml@refs/heads/main",
    issuer: "https://token.actions.githubusercontent.com",
  };
  const found = simple(sigstore.sign(payloadOf(DIGEST), workflow));
  const { trustedRoot } = sigstore;
  const check = async (wanted: Parameters<typeof identityVerifier>[0]) =>
    (await identityVerifier({ trustedRoot, ...wanted })).verify(found, DIGEST);
  await check(workflow);
  await check({ identityPattern: "^https://github.com/me/", issuerPattern: "githubusercontent" });
  await assert.rejects(check({ ...workflow, identity: "https://github.com/me" }), /it is by "/);
  await assert.rejects(check({ ...workflow, issuer: "https://x" }), /its issuer is "/);
  await assert.rejects(check({ identity: workflow.identity, issuerPattern: "^x" }), /its issuer/);
  await assert.rejects(check({ issuer: workflow.issuer, identityPattern: "^x" }), /it is by/);
  await assert.rejects(check({ issuer: "x", identityPattern: "(" }), /not a regular expression/);
  for (const root of [5, {}, { tlogs: [{}] }, { certificateAuthorities: "x" }]) {
    await assert.rejects(identityVerifier({ ...ME, trustedRoot: root }), /not Sigstore's/);
  }
});

test("identityVerifier() refuses what any of the authorities did not see", async () => {
  const verifier = await identityVerifier(policy);
  const wrong: readonly [Partial<Signing>, RegExp][] = [
    [{ untrusted: true }, /certificate chain/],
    [{ unlogged: true }, /expected 1 SCTs/],
    [{ late: true }, /certificate chain/],
    [{ forgedLog: true }, /inclusion promise could not be verified/],
  ];
  for (const [how, told] of wrong) {
    const who = { ...ME, ...how };
    assert.throws(
      () => verifier.verify(simple(sigstore.sign(payloadOf(DIGEST), who)), DIGEST),
      told,
    );
    const found = bundle(sigstore.bundle(envelopeOf(DIGEST), who));
    assert.throws(() => verifier.verify(found, DIGEST), told);
  }
  const other = new TestSigstore();
  const found = simple(other.sign(payloadOf(DIGEST), ME));
  assert.throws(() => verifier.verify(found, DIGEST), /certificate chain/);
});

test("identityVerifier() refuses what was changed or left out", async () => {
  const verifier = await identityVerifier(policy);
  const right = simple(sigstore.sign(payloadOf(DIGEST), ME)) as FoundSignature & { form: "simple" };
  const again = simple(sigstore.sign(payloadOf(DIGEST), ME)) as typeof right;
  const wrong: readonly [Partial<typeof right>, RegExp][] = [
    [{ payload: payloadOf(`sha256:${"b".repeat(64)}`) }, /./],
    [{ signature: again.signature }, /./],
    [{ certificate: again.certificate }, /./],
    [{ log: again.log }, /./],
    [{ certificate: undefined }, /no certificate/],
    [{ log: undefined }, /no entry of a transparency log/],
    [{ log: "{}" }, /malformed/],
    [{ certificate: "-----BEGIN CERTIFICATE-----AAAA-----END CERTIFICATE-----" }, /./],
  ];
  for (const [change, told] of wrong) {
    const found = { ...right, ...change };
    const check = () => verifier.verify(found, DIGEST);
    assert.throws(check, (error: Error & { code?: string }) => {
      assert.equal(error.code, "permission_denied", JSON.stringify(Object.keys(change)));
      return told.test(error.message);
    });
  }
  verifier.verify(right, DIGEST);
  // deno-lint-ignore no-explicit-any
  const made = sigstore.bundle(envelopeOf(DIGEST), ME) as any;
  const hostile = [
    {},
    { ...made, dsseEnvelope: undefined },
    { ...made, dsseEnvelope: { ...made.dsseEnvelope, payload: "e30=" } },
    { ...made, verificationMaterial: { publicKey: { hint: "" }, tlogEntries: [] } },
    { ...made, verificationMaterial: { ...made.verificationMaterial, tlogEntries: [] } },
  ];
  for (const each of hostile) {
    assert.throws(() => verifier.verify(bundle(each), DIGEST), { code: "permission_denied" });
  }
});
