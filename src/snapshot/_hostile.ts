/**
 * The error about an entry of a layer that no honest archive has.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { display } from "./_at.ts";

/** @param path as the archive has it: bytes, one per character */
export function hostile(path: string, reason: string): CtrError {
  return new CtrError({
    code: "invalid_argument",
    operation: "unpack",
    subject: display(path),
    reason,
  });
}
