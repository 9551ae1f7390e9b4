/**
 * `ctr image verify`.
 *
 * @module
 */

import type { VerifiedImage } from "../src/image/mod.ts";
import { define } from "./command.ts";
import { each } from "./each.ts";
import { FORMAT_ONE_HELP, formatOne } from "./format.ts";
import { signaturePolicy } from "./signature_policy.ts";

export const command = define({
  name: "image verify",
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  summary: "Verify that images in their registries are signed",
  args: [1, Infinity],
  flags: {
    "annotations": {
      type: "list",
      short: "a",
      ours: true,
      help: "NAME=VALUE that the signed payload must have",
    },
    "certificate-identity": { type: "string", ours: true, help: "Who signed without a key" },
    "certificate-identity-regexp": {
      type: "string",
      ours: true,
      help: "The same as a regular expression",
    },
    "certificate-oidc-issuer": { type: "string", ours: true, help: "Who vouched for the signer" },
    "certificate-oidc-issuer-regexp": {
      type: "string",
      ours: true,
      help: "The same as a regular expression",
    },
    "format": { type: "string", ours: true, help: FORMAT_ONE_HELP },
    "key": { type: "string", ours: true, help: "Public key that signed: a file, or env://NAME" },
    "trusted-root": {
      type: "string",
      ours: true,
      help: "Sigstore's trusted_root.json ($CTR_TRUSTED_ROOT); default: the public instance's",
    },
  },
}, async (context, { flags, args }) => {
  const policy = await signaturePolicy(context, {
    key: flags.key,
    identity: flags["certificate-identity"],
    identityPattern: flags["certificate-identity-regexp"],
    issuer: flags["certificate-oidc-issuer"],
    issuerPattern: flags["certificate-oidc-issuer-regexp"],
    trustedRoot: flags["trusted-root"],
    annotations: flags.annotations,
  });
  const { images } = context.engine();
  return await each(context, args, async (name) => {
    const verified = await images.verify(name, policy);
    return flags.format === undefined
      ? lineOf(verified, flags.key)
      : formatOne(flags.format, verified).replace(/\n$/, "");
  });
});

function lineOf({ name, signatures }: VerifiedImage, key: string | undefined): string {
  const signers = signatures.map(({ by, identity, issuer }) =>
    by === "key" ? `key ${key}` : `${identity} (${issuer})`
  );
  return `${name}: signed by ${[...new Set(signers)].join(", ")}`;
}
