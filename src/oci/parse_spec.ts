/**
 * Reads a `config.json`.
 *
 * @module
 */

import type { OciSpec } from "./runtime_spec.ts";

/** A large value of a seccomp condition. Within a string, its quotes would have backslashes. */
const LARGE = /("value(?:Two)?"\s*:\s*)(\d{16,})(?![\d.eE])/g;

/**
 * Parse a spec. The values of seccomp conditions have 64 bits: those that a `number` would not hold
 * exactly become strings of their digits.
 *
 * @throws {SyntaxError} when the text is not JSON, or no object
 */
export function parseSpec(text: string): OciSpec {
  const exact = text.replace(
    LARGE,
    (whole, key: string, digits: string) =>
      Number.isSafeInteger(Number(digits)) ? whole : `${key}"${digits}"`,
  );
  const spec: unknown = JSON.parse(exact);
  if (typeof spec !== "object" || spec === null || Array.isArray(spec)) {
    throw new SyntaxError("it is no JSON object");
  }
  return spec as OciSpec;
}
