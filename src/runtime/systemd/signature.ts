/**
 * D-Bus types, written as signatures: `a(sv)` is an array of structures of a string and a variant.
 *
 * @see https://dbus.freedesktop.org/doc/dbus-specification.html#type-system
 * @module
 */

import { CtrError } from "../../errors.ts";

/** One complete type. */
export type DBusType =
  | { readonly code: Basic | "v" }
  | { readonly code: "a"; readonly of: DBusType }
  /** A structure `(`, or an entry `{` of a dictionary. */
  | { readonly code: "(" | "{"; readonly members: readonly DBusType[] };

/** Types of one value; those of fixed size, and s, o and g, which are text. */
export type Basic = "y" | "b" | "n" | "q" | "i" | "u" | "x" | "t" | "d" | "h" | "s" | "o" | "g";

/**
 * What these types are here: `x` and `t` bigints, other numbers numbers, `ay` bytes, a dictionary an
 * array of pairs.
 */
export type DBusValue =
  | number
  | bigint
  | boolean
  | string
  | Uint8Array
  | Variant
  | readonly DBusValue[];

/** A value that tells its type. */
export interface Variant {
  readonly signature: string;
  readonly value: DBusValue;
}

/** How arrays, structures and variants may be nested; the specification's sum of its two limits. */
export const MOST_DEPTH = 64;

const BASIC = "ybnqiuxtdhsog";

/** Bytes between which and the next a type's value begins. */
export function alignmentOf({ code }: DBusType): 1 | 2 | 4 | 8 {
  if ("ygv".includes(code)) return 1;
  if ("nq".includes(code)) return 2;
  return "xtd({".includes(code) ? 8 : 4;
}

/**
 * Read a signature.
 *
 * @throws {CtrError} `invalid_argument` when it is not one
 */
export function parseSignature(signature: string): readonly DBusType[] {
  let at = 0;
  const invalid = (reason: string) =>
    new CtrError({ code: "invalid_argument", operation: "read type", subject: signature, reason });
  const type = (depth: number, inArray: boolean): DBusType => {
    const code = signature[at++];
    if (code === undefined) throw invalid("it ends too early");
    if (depth > MOST_DEPTH) throw invalid("it is nested too deeply");
    if (code === "v" || BASIC.includes(code)) return { code: code as Basic | "v" };
    if (code === "a") return { code, of: type(depth + 1, true) };
    if (code !== "(" && (code !== "{" || !inArray)) throw invalid(`no type begins with "${code}"`);
    const end = code === "(" ? ")" : "}";
    const members: DBusType[] = [];
    while (signature[at] !== end) members.push(type(depth + 1, false));
    at++;
    const entry = members.length === 2 && BASIC.includes(members[0]!.code);
    if (code === "{" ? !entry : members.length === 0) throw invalid("it has the wrong members");
    return { code, members };
  };
  if (signature.length > 255) throw invalid("it is too long");
  const types: DBusType[] = [];
  while (at < signature.length) types.push(type(1, false));
  return types;
}

/** The type of a variant. */
export function parseSingle(signature: string): DBusType {
  const types = parseSignature(signature);
  if (types.length === 1) return types[0]!;
  throw new CtrError({
    code: "invalid_argument",
    operation: "read type",
    subject: signature,
    reason: "a variant has one value",
  });
}
