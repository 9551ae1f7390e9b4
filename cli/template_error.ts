/**
 * @module
 */

import { CtrError } from "../src/errors.ts";

/** A template that is wrong. */
export function templateError(reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation: "use --format", reason });
}
