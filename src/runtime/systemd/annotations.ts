/**
 * Properties of the unit that a container's annotations ask for: `org.systemd.property.NAME` with a
 * value in GVariant's text form, `'1h'`, `uint64 5`, `[byte 0x1, 2]`, `true`.
 *
 * @see https://docs.gtk.org/glib/gvariant-text-format.html
 * @module
 */

import { CtrError } from "../../errors.ts";
import type { Property } from "./properties.ts";
import type { DBusValue, Variant } from "./signature.ts";

const PREFIX = "org.systemd.property.";

/** A number's type by its name; a number without a type is `i`, with a point or exponent `d`. */
const TYPES: Readonly<Record<string, string>> = {
  boolean: "b",
  byte: "y",
  int16: "n",
  uint16: "q",
  int32: "i",
  uint32: "u",
  int64: "x",
  uint64: "t",
  double: "d",
  string: "s",
  objectpath: "o",
  signature: "g",
};

/**
 * The properties in annotations. `NAMESec`, as the manuals call times, becomes `NAMEUSec`.
 *
 * @throws {CtrError} `invalid_argument` for a name or a value that is none
 */
export function annotatedProperties(
  annotations: Readonly<Record<string, string>> = {},
): Property[] {
  return Object.entries(annotations).filter(([key]) => key.startsWith(PREFIX))
    .map(([key, value]) => {
      const name = key.slice(PREFIX.length);
      if (!/^[A-Za-z]{3,}$/.test(name)) throw invalid(key, "that is no property's name");
      const variant = parseVariant(key, value);
      return /[a-z]Sec$/.test(name)
        ? [`${name.slice(0, -3)}USec`, microseconds(key, variant)]
        : [name, variant];
    });
}

function microseconds(key: string, { signature, value }: Variant): Variant {
  if (!"ynqiuxtd".includes(signature)) throw invalid(key, "a time has to be a number");
  const whole = signature === "d" ? BigInt(Math.trunc(value as number * 1e6)) : undefined;
  const time = whole ?? BigInt(value as number | bigint) * 1_000_000n;
  return { signature: "t", value: BigInt.asUintN(64, time) };
}

/** One value, in what of GVariant's text form a property can need: no tuples, dictionaries, maybes. */
function parseVariant(key: string, source: string): Variant {
  const bad = () => invalid(key, `cannot read the value ${JSON.stringify(source)}`);
  const token = /\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([A-Za-z0-9_+.@-]+)|([[\],]))/y;
  const tokens: { text?: string; word?: string; mark?: string }[] = [];
  const end = source.trimEnd().length;
  while (token.lastIndex < end) {
    const found = token.exec(source);
    if (found === null) throw bad();
    const [, single, double, word, mark] = found;
    const quoted = single ?? double;
    if (quoted !== undefined) tokens.push({ text: quoted.replace(/\\(.)/gs, "$1") });
    else tokens.push(word === undefined ? { mark: mark! } : { word });
  }
  const value = (wanted?: string): Variant => {
    const { text, word, mark } = tokens.shift() ?? {};
    if (text !== undefined) {
      if (wanted !== undefined && !"sog".includes(wanted)) throw bad();
      return { signature: wanted ?? "s", value: text };
    }
    if (mark === "[") return array(wanted);
    if (word === undefined) throw bad();
    if (word.startsWith("@")) return value(word.slice(1));
    const type = TYPES[word];
    if (type !== undefined) return value(type);
    if (word === "true" || word === "false") {
      if ((wanted ?? "b") !== "b") throw bad();
      return { signature: "b", value: word === "true" };
    }
    return number(word, wanted);
  };
  const number = (word: string, wanted?: string): Variant => {
    const whole = /^[+-]?(0x[0-9a-f]+|0[0-7]*|[1-9]\d*)$/i.test(word);
    const signature = wanted ?? (whole ? "i" : "d");
    if (signature === "d") {
      if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(word)) throw bad();
      return { signature, value: Number(word) };
    }
    const [bits, signed] = WIDTHS[signature] ?? [];
    if (!whole || bits === undefined) throw bad();
    const digits = word.replace(/^[+-]/, "").replace(/^0(?=[0-7]+$)/, "0o");
    const exact = word.startsWith("-") ? -BigInt(digits) : BigInt(digits);
    const kept = signed ? BigInt.asIntN(bits, exact) : BigInt.asUintN(bits, exact);
    if (kept !== exact) throw bad();
    return { signature, value: bits === 64 ? exact : Number(exact) };
  };
  const array = (wanted?: string): Variant => {
    if (wanted !== undefined && !wanted.startsWith("a")) throw bad();
    let of = wanted?.slice(1);
    const values: DBusValue[] = [];
    while (tokens[0]?.mark !== "]") {
      if (values.length > 0 && tokens.shift()?.mark !== ",") throw bad();
      const element = value(of);
      of = element.signature; // the first one's type is the others'
      values.push(element.value);
    }
    tokens.shift();
    if (of === undefined) throw bad();
    return { signature: `a${of}`, value: values };
  };
  const result = value();
  if (tokens.length > 0) throw bad();
  return result;
}

const WIDTHS: Readonly<Record<string, readonly [bits: number, signed: boolean]>> = {
  y: [8, false],
  n: [16, true],
  q: [16, false],
  i: [32, true],
  u: [32, false],
  x: [64, true],
  t: [64, false],
};

function invalid(subject: string, reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation: "use annotation", subject, reason });
}
