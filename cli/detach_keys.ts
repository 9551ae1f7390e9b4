/**
 * The keys that leave a container running: Ctrl-P Ctrl-Q, or what `--detach-keys` says.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";

/** `ctrl-p,ctrl-q` as bytes: single characters, or `ctrl-` with a letter or one of `@[\]^_`. */
export function parseDetachKeys(text: string): readonly number[] {
  return text.split(",").map((key) => {
    const control = /^ctrl-([a-zA-Z@[\\\]^_])$/.exec(key);
    if (control !== null) return control[1]!.toUpperCase().charCodeAt(0) & 0x1f;
    if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0);
    throw new CtrError({
      code: "invalid_argument",
      operation: "use --detach-keys",
      subject: text,
      reason: `${JSON.stringify(key)} is neither a character nor "ctrl-" and a letter`,
    });
  });
}

/** Docker's keys. */
export const DETACH_KEYS = "ctrl-p,ctrl-q";

/** What came in, without the keys. */
export interface Filtered {
  readonly bytes: Uint8Array;
  readonly detached: boolean;
}

/**
 * A filter that looks for the keys in input as it comes. What could be their beginning is held back
 * until the next key tells.
 */
export function detachFilter(keys: readonly number[]): (chunk: Uint8Array) => Filtered {
  let matched = 0;
  return (chunk) => {
    const passed: number[] = [];
    for (const byte of chunk) {
      // What was held back and is not the beginning after all goes on, but for a later beginning.
      while (matched > 0 && byte !== keys[matched]) {
        const held = keys.slice(0, matched);
        let shorter = matched - 1;
        while (shorter > 0 && held.slice(-shorter).some((key, i) => key !== keys[i])) shorter--;
        passed.push(...held.slice(0, matched - shorter));
        matched = shorter;
      }
      if (byte !== keys[matched]) passed.push(byte);
      else if (++matched === keys.length) {
        return { bytes: Uint8Array.from(passed), detached: true };
      }
    }
    return { bytes: Uint8Array.from(passed), detached: false };
  };
}
