/**
 * Docker's `--disable-content-trust`, which is on unless it is turned off: Notary's signatures are
 * retired. For those of cosign there is `--verify`.
 *
 * @module
 */

import { type Flags, UsageError } from "./flags.ts";

/** The flag. */
export const CONTENT_TRUST = {
  "disable-content-trust": { type: "bool", default: true, help: "Skip image verification" },
} as const satisfies Flags;

/** @throws {UsageError} when content trust is asked for */
export function refuseContentTrust(
  command: string,
  flags: { readonly "disable-content-trust": boolean },
): void {
  if (flags["disable-content-trust"]) return;
  const reason = "content trust is not supported; see --verify of ctr pull";
  throw new UsageError({ command, reason, code: "not_implemented" });
}
