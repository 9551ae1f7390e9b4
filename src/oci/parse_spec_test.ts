import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSpec } from "./parse_spec.ts";

test("parseSpec() keeps the values of seccomp conditions exact, and all else as it is", () => {
  const parsed = (text: string) => parseSpec(text) as unknown as Record<string, unknown>;
  assert.deepEqual(parsed('{"value": 9007199254740993, "valueTwo":18446744073709551614}'), {
    value: "9007199254740993",
    valueTwo: "18446744073709551614",
  });
  const same = [
    '{"value": 9007199254740991, "valueTwo": 1}',
    '{"value": 12345678901234567890e-19, "valueTwo": 1234567890123456789.5}',
    '{"value": -9223372036854775808, "hard": 18446744073709551615}',
    '{"a": "\\"value\\": 9007199254740993", "b": "value", "c": "\\\\"}',
  ];
  for (const text of same) assert.deepEqual(parsed(text), JSON.parse(text), text);
});

test("parseSpec() refuses what is no object", () => {
  for (const bad of ["", "{", "[]", "1", "null"]) {
    assert.throws(() => parseSpec(bad), SyntaxError, bad);
  }
});
