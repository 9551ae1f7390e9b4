/**
 * `--verify` of `pull`, `run` and `create`.
 *
 * @module
 */

import type { Context } from "./command.ts";
import { type Parsed, UsageError } from "./flags.ts";
import { signaturePolicy } from "./signature_policy.ts";
import type { VERIFY_FLAGS } from "./verify_flags.ts";

/**
 * A function that throws unless an image is signed as the flags say.
 *
 * @throws {UsageError} for a way of signing that is not known
 */
export async function imageVerifier(
  context: Pick<Context, "env" | "engine">,
  flags: Parsed<typeof VERIFY_FLAGS>["flags"],
): Promise<(found: { readonly name: string; readonly digest: string }) => Promise<void>> {
  const { verify } = flags;
  if (verify !== "cosign") {
    const isKnown = verify === "notation";
    throw new UsageError({
      command: "",
      reason: isKnown
        ? "--verify=notation is not supported yet"
        : `--verify is "none" or "cosign", not ${JSON.stringify(verify)}`,
      ...isKnown ? { code: "not_implemented" } : {},
    });
  }
  const policy = await signaturePolicy(context, {
    key: flags["cosign-key"],
    identity: flags["cosign-certificate-identity"],
    identityPattern: flags["cosign-certificate-identity-regexp"],
    issuer: flags["cosign-certificate-oidc-issuer"],
    issuerPattern: flags["cosign-certificate-oidc-issuer-regexp"],
  });
  return async ({ name, digest }) => {
    await context.engine().images.verify(name, policy, { digest });
  };
}
