/**
 * `--filter KEY=VALUE`, several times: values of one key are alternatives, except labels, and keys
 * are conditions that hold together.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";

/** What each key asks of a thing. */
export type Tests<T> = Readonly<Record<string, (thing: T, value: string) => boolean>>;

/** A predicate from what was given. @throws {CtrError} `invalid_argument` for an unknown key */
export function filterBy<T>(given: readonly string[], tests: Tests<T>): (thing: T) => boolean {
  const byKey = new Map<string, string[]>();
  for (const text of given) {
    const equals = text.indexOf("=");
    const key = text.slice(0, Math.max(0, equals)).trim().toLowerCase();
    if (equals < 0 || !Object.hasOwn(tests, key)) {
      throw new CtrError({
        code: "invalid_argument",
        operation: "use --filter",
        subject: text,
        reason: `it is KEY=VALUE, and keys are ${Object.keys(tests).sort().join(", ")}`,
      });
    }
    byKey.set(key, [...byKey.get(key) ?? [], text.slice(equals + 1).trim()]);
  }
  return (thing) =>
    [...byKey].every(([key, values]) =>
      key.startsWith("label")
        ? values.every((value) => tests[key]!(thing, value))
        : values.some((value) => tests[key]!(thing, value))
    );
}

/** `KEY` or `KEY=VALUE` of labels. */
export function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf("=");
  const key = equals < 0 ? wanted : wanted.slice(0, equals);
  return Object.hasOwn(labels, key) && (equals < 0 || labels[key] === wanted.slice(equals + 1));
}

/** A pattern that a person typed. @throws {CtrError} `invalid_argument` */
export function pattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (cause) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "use --filter",
      subject: text,
      reason: "it is not a regular expression",
      cause,
    });
  }
}
