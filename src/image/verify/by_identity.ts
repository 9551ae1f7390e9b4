/**
 * Signatures without a key of one's own: a certificate that Fulcio gave to an identity for minutes,
 * and a log that says that it was used in them. Sigstore's own libraries check them; they load here,
 * and nowhere else.
 *
 * @module
 */

import type { Bundle } from "@sigstore/bundle";
import type { Signer, TrustMaterial } from "@sigstore/verify";
import { CtrError } from "../../errors.ts";
import { envelopeOf } from "./by_key.ts";
import { haveDefaultDigest } from "./default_digest.ts";
import { toBundle } from "./old_bundle.ts";
import { checkPayload, checkStatement, refused } from "./payload.ts";
import type { FoundSignature, SignaturePolicy, VerifiedSignature } from "./types.ts";

/** Checks signatures against one trusted root. */
export interface IdentityVerifier {
  /** @throws {CtrError} when the signature is not trusted, or not of this image */
  verify(found: FoundSignature, digest: string): VerifiedSignature;
}

/**
 * Load what is trusted.
 *
 * @throws {CtrError} `invalid_argument` for a malformed root; `unavailable` when it cannot be fetched
 */
export async function identityVerifier(policy: SignaturePolicy): Promise<IdentityVerifier> {
  haveDefaultDigest();
  const [{ bundleFromJSON }, { toSignedEntity, toTrustMaterial, Verifier }] = await Promise.all([
    import("@sigstore/bundle"),
    import("@sigstore/verify"),
  ]);
  const material = toTrustMaterial(await trustedRoot(policy));
  const verifier = new Verifier(material as TrustMaterial);
  const wants = [
    matcher(policy.identity, policy.identityPattern),
    matcher(policy.issuer, policy.issuerPattern),
  ] as const;
  const signerOf = (bundle: Bundle, payload?: Uint8Array): Signer => {
    try {
      return verifier.verify(toSignedEntity(bundle, payload && Buffer.from(payload)));
    } catch (cause) {
      throw refused((cause as Error).message, cause);
    }
  };
  return {
    verify: (found, digest) => {
      const simple = found.form === "simple";
      let bundle: Bundle;
      try {
        bundle = bundleFromJSON(simple ? toBundle(found) : found.json);
      } catch (cause) {
        if (cause instanceof CtrError) throw cause;
        throw refused("it is malformed", cause);
      }
      if (bundle.verificationMaterial.content.$case === "publicKey") {
        throw refused("it is by a key, not by an identity");
      }
      const signer = signerOf(bundle, simple ? found.payload : undefined);
      const identity = signer.identity?.subjectAlternativeName;
      const issuer = signer.identity?.extensions?.issuer;
      if (!wants[0](identity)) throw refused(`it is by ${JSON.stringify(identity)}`);
      if (!wants[1](issuer)) throw refused(`its issuer is ${JSON.stringify(issuer)}`);
      const base = { by: "identity" as const, identity, issuer, where: found.where };
      if (simple) return { ...base, payload: checkPayload(found.payload, digest, policy) };
      const { payloadType, payload } = envelopeOf(found.json);
      const bytes = Buffer.from(payload, "base64");
      return { ...base, payload: checkStatement(payloadType, bytes, digest, policy) };
    },
  };
}

/** What the text must be: exactly this, or what a regular expression finds. */
function matcher(
  exact: string | undefined,
  pattern: string | undefined,
): (text: string | undefined) => boolean {
  if (exact !== undefined) return (text) => text === exact;
  let found: RegExp;
  try {
    found = new RegExp(pattern ?? "(?!)");
  } catch (cause) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "use pattern",
      subject: pattern,
      reason: "it is not a regular expression",
      cause,
    });
  }
  return (text) => text !== undefined && found.test(text);
}

async function trustedRoot({ trustedRoot, tuf }: SignaturePolicy) {
  const { TrustedRoot } = await import("@sigstore/protobuf-specs");
  if (trustedRoot !== undefined) {
    try {
      const root = TrustedRoot.fromJSON(trustedRoot);
      if (root.certificateAuthorities.length > 0 && root.tlogs.length > 0) return root;
      throw new Error("no authority of certificates, or no log");
    } catch (cause) {
      throw new CtrError({
        code: "invalid_argument",
        operation: "use trusted root",
        reason: `it is not Sigstore's trusted_root.json: ${(cause as Error).message}`,
        cause,
      });
    }
  }
  const { getTrustedRoot } = await import("@sigstore/tuf");
  try {
    return await getTrustedRoot({
      ...tuf?.mirror === undefined ? {} : { mirrorURL: tuf.mirror },
      ...tuf?.root === undefined ? {} : { rootPath: tuf.root },
      ...tuf?.cache === undefined ? {} : { cachePath: tuf.cache },
    });
  } catch (cause) {
    throw new CtrError({
      code: "unavailable",
      operation: "fetch trusted root",
      ...tuf?.mirror === undefined ? {} : { subject: tuf.mirror },
      reason: (cause as Error).message,
      hint: "give one with --trusted-root",
      cause,
    });
  }
}
