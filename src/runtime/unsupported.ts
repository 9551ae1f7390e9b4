/**
 * What a spec may ask for and this runtime does not do: refused, never ignored.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciSpec } from "../oci/mod.ts";

/** @throws {CtrError} `not_implemented` for the first thing that is not supported */
export function checkSupported({ hooks }: OciSpec): void {
  for (const [station, list] of Object.entries(hooks ?? {})) {
    if (list.length > 0) throw unsupported(`hooks.${station}`);
  }
}

function unsupported(subject: string): CtrError {
  return new CtrError({
    code: "not_implemented",
    operation: "use",
    subject,
    reason: "this part of the runtime spec is not supported",
  });
}
