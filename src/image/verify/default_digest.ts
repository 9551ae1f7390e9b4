/**
 * What Sigstore's libraries need of `node:crypto`: without an algorithm Node takes SHA-256 for an
 * elliptic curve's key, and Deno refuses, so that nothing would ever be verified there.
 *
 * @see https://github.com/oven-sh/bun/issues/40559 for the same on Bun, since mended
 * @module
 */

import crypto, { createPublicKey, KeyObject } from "node:crypto";

/** The generator of P-256, which is nobody's key. */
const KEY = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----`;

/** Give `crypto.verify` Node's default where it lacks it, for the whole process. */
export function haveDefaultDigest(): void {
  try {
    crypto.verify(undefined, new Uint8Array(1), KEY, new Uint8Array(8));
    return;
  } catch {
    // It has none: a wrong signature is not an error.
  }
  const { verify } = crypto;
  const withDefault = (...args: Parameters<typeof verify>): unknown => {
    const [algorithm, data, key, ...rest] = args;
    if (algorithm !== undefined && algorithm !== null) return verify(...args);
    const { asymmetricKeyType } = key instanceof KeyObject
      ? key
      : createPublicKey(key as Parameters<typeof createPublicKey>[0]);
    return verify(asymmetricKeyType === "ec" ? "sha256" : algorithm, data, key, ...rest);
  };
  crypto.verify = withDefault as typeof verify;
}
