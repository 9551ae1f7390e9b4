/**
 * Digests: what blobs are named by, `sha256:HEX`.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests
 * @module
 */

import { CtrError } from "../errors.ts";

/** The algorithms that are registered and that we can compute. */
export type DigestAlgorithm = "sha256" | "sha512";

/** A digest in its parts. */
export interface Digest {
  readonly algorithm: DigestAlgorithm;
  /** Lower case. */
  readonly hex: string;
}

const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** Whether a value is a digest that we can verify; nothing else may become part of a path. */
export function isDigest(value: unknown): value is string {
  return typeof value === "string" && DIGEST.test(value);
}

/**
 * Take a digest apart.
 *
 * @throws {CtrError} `invalid_argument` when it is not one; `not_implemented` for sha384.
 */
export function parseDigest(text: string): Digest {
  if (DIGEST.test(text)) {
    return { algorithm: text.slice(0, 6) as DigestAlgorithm, hex: text.slice(7) };
  }
  const unknown = /^sha384:[0-9a-f]{96}$/.test(text);
  throw new CtrError({
    code: unknown ? "not_implemented" : "invalid_argument",
    operation: "use digest",
    subject: text.slice(0, 200),
    reason: unknown ? "sha384 is not supported" : "it is not sha256: and 64 lower-case hex digits",
  });
}

/** The 12 digits that people are shown of a digest or ID. */
export function shortId(digest: string): string {
  return digest.slice(digest.indexOf(":") + 1).slice(0, 12);
}
