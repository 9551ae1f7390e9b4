/**
 * The vocabulary of the Open Container Initiative: types and pure functions, no I/O.
 *
 * @example
 * ```ts
 * import type { OciSpec } from "./src/oci/mod.ts";
 * ```
 *
 * @module
 */

export type * from "./runtime_spec.ts";
