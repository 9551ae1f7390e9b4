/**
 * Signatures by a public key: ECDSA, RSA or Ed25519, over SHA-256 as cosign makes them.
 *
 * @module
 */

import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { CtrError } from "../../errors.ts";
import { checkPayload, checkStatement, refused } from "./payload.ts";
import type { FoundSignature, SignaturePolicy, VerifiedSignature } from "./types.ts";

/** Read a public key. @throws {CtrError} `invalid_argument` when it is none, or a private one */
export function readKey(pem: string): KeyObject {
  const failed = (reason: string, cause?: unknown) =>
    new CtrError({ code: "invalid_argument", operation: "use key", reason, cause });
  if (/PRIVATE KEY/.test(pem)) throw failed("it is a private key; the public one verifies");
  try {
    const key = createPublicKey(pem);
    if (["ec", "rsa", "ed25519"].includes(key.asymmetricKeyType ?? "")) return key;
    throw new Error(`it is a key for ${key.asymmetricKeyType}`);
  } catch (cause) {
    throw failed("it is not the PEM of a public key for ECDSA, RSA or Ed25519", cause);
  }
}

/** Check a signature with a key. @throws {CtrError} when it is not by it, or not of this image */
export function verifyByKey(
  found: FoundSignature,
  key: KeyObject,
  digest: string,
  policy: SignaturePolicy,
): VerifiedSignature {
  const { where } = found;
  if (found.form === "simple") {
    check(key, found.payload, found.signature);
    return { by: "key", where, payload: checkPayload(found.payload, digest, policy) };
  }
  const { payloadType, payload, signatures } = envelopeOf(found.json);
  const bytes = Buffer.from(payload, "base64");
  // https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${bytes.length} `;
  const signed = Buffer.concat([Buffer.from(head), bytes]);
  const [signature] = signatures;
  check(key, signed, signature ?? "");
  return { by: "key", where, payload: checkStatement(payloadType, bytes, digest, policy) };
}

function check(key: KeyObject, data: Uint8Array, signature: string): void {
  const algorithm = key.asymmetricKeyType === "ed25519" ? null : "sha256";
  let isRight = false;
  try {
    isRight = verify(algorithm, data, key, Buffer.from(signature, "base64"));
  } catch {
    // Malformed is wrong.
  }
  if (!isRight) throw refused("it is not by this key");
}

/** The envelope of a bundle. @throws {CtrError} when it has none */
export function envelopeOf(bundle: unknown): {
  readonly payloadType: string;
  readonly payload: string;
  readonly signatures: readonly string[];
} {
  const { dsseEnvelope } = bundle as {
    dsseEnvelope?: { payloadType?: unknown; payload?: unknown; signatures?: { sig?: unknown }[] };
  };
  const { payloadType, payload, signatures } = dsseEnvelope ?? {};
  if (typeof payloadType !== "string" || typeof payload !== "string") {
    throw refused("the bundle has no envelope");
  }
  const list = Array.isArray(signatures) ? signatures.map((each) => String(each?.sig ?? "")) : [];
  return { payloadType, payload, signatures: list };
}
