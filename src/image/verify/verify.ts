/**
 * Whether an image is signed as a policy wants: one signature that is says so, whatever others are
 * there.
 *
 * @module
 */

import { CtrError } from "../../errors.ts";
import { Registry } from "../../pull/mod.ts";
import { canonicalName, familiarName, splitName } from "../name.ts";
import type { RegistryAccess } from "../sources.ts";
import { readKey, verifyByKey } from "./by_key.ts";
import { type IdentityVerifier, identityVerifier } from "./by_identity.ts";
import { findSignatures } from "./find.ts";
import type { SignaturePolicy, VerifiedImage, VerifiedSignature } from "./types.ts";

/** What is verified, and how its registry is reached. */
export interface VerifyTarget {
  /** A reference; with `digest`, its repository counts only. */
  readonly name: string;
  /** Of the manifest or index. Default: what the registry has under the name now. */
  readonly digest?: string | undefined;
  readonly access?: RegistryAccess | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Verify an image.
 *
 * @throws {CtrError} `permission_denied` when no signature is what the policy wants;
 * `invalid_argument` for a policy that says nothing
 */
export async function verifyImage(
  { name, digest: known, access, signal }: VerifyTarget,
  policy: SignaturePolicy,
): Promise<VerifiedImage> {
  const check = await checker(policy);
  const canonical = canonicalName(name);
  const { repository, tag, digest: typed } = splitName(canonical);
  const registry = new Registry({ ...access, repository, operation: "verify", signal });
  const digest = known ?? typed ?? (await registry.manifest(tag ?? "latest")).descriptor.digest;
  const signatures: VerifiedSignature[] = [];
  const reasons: string[] = [];
  for await (const found of findSignatures(registry, digest)) {
    try {
      signatures.push(check(found, digest));
    } catch (error) {
      if (!(error instanceof CtrError)) throw error;
      reasons.push(error.reason);
    }
  }
  if (signatures.length > 0) return { name: `${repository}@${digest}`, digest, signatures };
  throw new CtrError({
    code: "permission_denied",
    operation: "verify",
    subject: familiarName(canonical),
    reason: reasons.length === 0
      ? `${digest} has no signatures`
      : `no signature is what is wanted: ${[...new Set(reasons)].slice(0, 5).join("; ")}`,
  });
}

async function checker(policy: SignaturePolicy): Promise<IdentityVerifier["verify"]> {
  const { key, identity, identityPattern, issuer, issuerPattern } = policy;
  const who = identity ?? identityPattern;
  const voucher = issuer ?? issuerPattern;
  if (key !== undefined) {
    if (who !== undefined || voucher !== undefined) {
      throw wrong("a key and an identity exclude each other");
    }
    if (policy.trustedRoot !== undefined) throw wrong("a trusted root is for identities");
    const publicKey = readKey(key);
    return (found, digest) => verifyByKey(found, publicKey, digest, policy);
  }
  if (who === undefined || voucher === undefined) {
    throw wrong("it takes a key, or an identity and its issuer");
  }
  const verifier = await identityVerifier(policy);
  return (found, digest) => verifier.verify(found, digest);
}

function wrong(reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation: "verify image", reason });
}
