/**
 * What a rule for specs is, and how it says no.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciSpec } from "../oci/mod.ts";

/** Throws for what makes no sense, and warns of what is ignored. */
export type Rule = (spec: OciSpec, warn: (text: string) => void) => void;

/** The error for a field of a spec. */
export function refuse(field: string, reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation: "use", subject: field, reason });
}
