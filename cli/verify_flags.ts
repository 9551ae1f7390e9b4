/**
 * nerdctl's flags that let an image in only when it is signed.
 *
 * @module
 */

import type { Flags } from "./flags.ts";

/** Flags of `pull`, `run` and `create`. */
export const VERIFY_FLAGS = {
  "cosign-certificate-identity": {
    type: "string",
    ours: true,
    help: "Who signed without a key, for --verify=cosign",
  },
  "cosign-certificate-identity-regexp": {
    type: "string",
    ours: true,
    help: "The same as a regular expression",
  },
  "cosign-certificate-oidc-issuer": {
    type: "string",
    ours: true,
    help: "Who vouched for the signer, for --verify=cosign",
  },
  "cosign-certificate-oidc-issuer-regexp": {
    type: "string",
    ours: true,
    help: "The same as a regular expression",
  },
  "cosign-key": {
    type: "string",
    ours: true,
    help: "Public key that signed, for --verify=cosign: a file, or env://NAME",
  },
  "verify": {
    type: "string",
    ours: true,
    default: "none",
    help: 'Take the image only if it is signed ("none", "cosign")',
  },
} as const satisfies Flags;
