/**
 * Digests: what blobs are named by.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { CtrError } from "../errors.ts";

/** The SHA-256 digest of bytes or text. */
export function sha256(bytes: string | Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/**
 * The file of a digest below a directory: `sha256/HEX`.
 *
 * @throws {CtrError} `invalid_argument` for what is not a digest, so that no path is made from it.
 */
export function digestPath(digest: string): string {
  const match = /^(?:(sha256):([0-9a-f]{64})|(sha512):([0-9a-f]{128}))$/.exec(digest);
  if (match !== null) return `${match[1] ?? match[3]}/${match[2] ?? match[4]}`;
  throw new CtrError({
    code: "invalid_argument",
    operation: "find blob",
    subject: digest,
    reason: "it is not a digest",
  });
}
