/**
 * Reads a `config.json`.
 *
 * @module
 */

import type { OciProcess, OciSpec } from "./runtime_spec.ts";
import { mismatch, PROCESS_SHAPE, type Shape, SPEC_SHAPE } from "./spec_shape.ts";

/** A large value of a seccomp condition. Within a string, its quotes would have backslashes. */
const LARGE = /("value(?:Two)?"\s*:\s*)(\d{16,})(?![\d.eE])/g;

/**
 * Parse a spec. The values of seccomp conditions have 64 bits: those that a `number` would not hold
 * exactly become strings of their digits. What is `null` is not there, as in runc.
 *
 * @throws {SyntaxError} when the text is not JSON, or a field is of another kind
 */
export function parseSpec(text: string): OciSpec {
  return parse(text, SPEC_SHAPE) as OciSpec;
}

/** Parse a process alone, what `exec` takes. @throws {SyntaxError} as {@link parseSpec} */
export function parseProcess(text: string): OciProcess {
  return parse(text, PROCESS_SHAPE) as OciProcess;
}

/** For `JSON.parse`: members that are null are left out. */
function withoutNulls(this: unknown, _key: string, value: unknown): unknown {
  return value === null && !Array.isArray(this) ? undefined : value;
}

function parse(text: string, shape: Shape): unknown {
  const exact = text.replace(
    LARGE,
    (whole, key: string, digits: string) =>
      Number.isSafeInteger(Number(digits)) ? whole : `${key}"${digits}"`,
  );
  const value: unknown = JSON.parse(exact, /:\s*null\b/.test(exact) ? withoutNulls : undefined);
  const wrong = mismatch(value ?? null, shape);
  if (wrong !== undefined) throw new SyntaxError(wrong);
  return value;
}
