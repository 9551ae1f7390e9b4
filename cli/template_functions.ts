/**
 * The functions of templates: Go's own and those that Docker adds.
 *
 * @module
 */

import { templateError } from "./template_error.ts";

/** Go's idea of true: not empty, not zero. */
export function truth(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (value !== null && typeof value === "object") return Object.keys(value).length > 0;
  return Boolean(value);
}

/** A value as Go prints it. JSON's null is Go's empty list more often than anything else. */
export function show(value: unknown): string {
  if (value === undefined) return "<no value>";
  if (value === null) return "[]";
  if (Array.isArray(value)) return `[${value.map(show).join(" ")}]`;
  if (typeof value === "object") {
    const entries = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1);
    return `map[${entries.map(([key, item]) => `${key}:${show(item)}`).join(" ")}]`;
  }
  return String(value);
}

type Call = (...args: unknown[]) => unknown;

/** By name. */
export const FUNCTIONS: Readonly<Record<string, Call>> = {
  json: (value) => JSON.stringify(value ?? null),
  join: (list, separator) => listOf("join", list).map(show).join(String(separator)),
  split: (text, separator) => String(text).split(String(separator)),
  lower: (text) => String(text).toLowerCase(),
  upper: (text) => String(text).toUpperCase(),
  title: (text) => String(text).replace(/(?<!\S)\S/g, (letter) => letter.toUpperCase()),
  pad: (text, before, after) =>
    text === "" ? "" : " ".repeat(Number(before)) + show(text) + " ".repeat(Number(after)),
  truncate: (text, length) => [...String(text)].slice(0, Number(length)).join(""),
  print: (...args) => args.map(show).join(""),
  println: (...args) => args.map(show).join(" ") + "\n",
  printf: (format, ...args) => printf(String(format), args),
  len: (value) => {
    if (typeof value === "string") return new TextEncoder().encode(value).length;
    if (Array.isArray(value)) return value.length;
    if (value === undefined) throw templateError("len of nil");
    return Object.keys(value as object ?? {}).length;
  },
  index: (value, ...keys) =>
    keys.reduce((at, key) => {
      if (at === null || at === undefined) return undefined;
      if (Array.isArray(at) && (typeof key !== "number" || key < 0 || key >= at.length)) {
        throw templateError(`index out of range: ${show(key)}`);
      }
      return Object.hasOwn(at as object, key as string)
        ? (at as Record<string, unknown>)[key as string]
        : undefined;
    }, value),
  slice: (value, from, to) => {
    const whole = typeof value === "string" ? value : listOf("slice", value);
    const [start, end] = [Number(from ?? 0), Number(to ?? whole.length)];
    if (start < 0 || end > whole.length || start > end) {
      throw templateError(`slice index out of range: ${start}:${end}`);
    }
    return whole.slice(start, end);
  },
  eq: (a, ...rest) => rest.some((b) => a === b),
  ne: (a, b) => a !== b,
  lt: (a, b) => (a as number) < (b as number),
  le: (a, b) => (a as number) <= (b as number),
  gt: (a, b) => (a as number) > (b as number),
  ge: (a, b) => (a as number) >= (b as number),
  not: (value) => !truth(value),
  and: (...args) => args.find((value) => !truth(value)) ?? args.at(-1),
  or: (...args) => args.find(truth) ?? args.at(-1),
  html: (text) => String(text).replace(/[<>&'"]/g, (c) => `&#${c.charCodeAt(0)};`),
  urlquery: (text) => encodeURIComponent(String(text)).replaceAll("%20", "+"),
};

function listOf(name: string, value: unknown): readonly unknown[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value;
  throw templateError(`${name} takes a list, not ${show(value)}`);
}

function printf(format: string, args: readonly unknown[]): string {
  let next = 0;
  return format.replace(
    /%([-0]?)(\d*)(?:\.(\d+))?([svdqtfxX%])/g,
    (_, flag: string, width: string, precision: string | undefined, verb: string) => {
      if (verb === "%") return "%";
      if (next >= args.length) return `%!${verb}(MISSING)`;
      const text = verbText(verb, args[next++], precision);
      if (flag === "-") return text.padEnd(Number(width));
      return text.padStart(Number(width), flag === "0" ? "0" : " ");
    },
  );
}

function verbText(verb: string, value: unknown, precision: string | undefined): string {
  switch (verb) {
    case "q":
      return JSON.stringify(show(value));
    case "f":
      return Number(value).toFixed(Number(precision ?? 6));
    case "x":
    case "X": {
      const hex = typeof value === "number"
        ? value.toString(16)
        : [...new TextEncoder().encode(show(value))]
          .map((byte) => byte.toString(16).padStart(2, "0")).join("");
      return verb === "X" ? hex.toUpperCase() : hex;
    }
    case "s":
      return precision === undefined ? show(value) : show(value).slice(0, Number(precision));
    default:
      return show(value);
  }
}
