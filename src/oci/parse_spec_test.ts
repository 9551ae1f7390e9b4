import assert from "node:assert/strict";
import { test } from "node:test";
import { parseProcess, parseSpec } from "./parse_spec.ts";

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
    '{"annotations": {"constructor": "x", "toString": "y"}, "constructor": 1}',
    '{"a": "\\"value\\": 9007199254740993", "b": "value", "c": "\\\\"}',
  ];
  for (const text of same) assert.deepEqual(parsed(text), JSON.parse(text), text);
});

test("parseSpec() takes null for what is not there", () => {
  const spec = parseSpec('{"ociVersion": "1.0.0", "mounts": null, "linux": {"sysctl":null}}');
  assert.deepEqual(spec, { ociVersion: "1.0.0", linux: {} });
});

test("parseSpec() refuses what is no JSON, and fields of another kind", () => {
  const reason = (text: string) => {
    try {
      parseSpec(text);
    } catch (error) {
      assert.ok(error instanceof SyntaxError);
      return error.message;
    }
    assert.fail(`${text} is accepted`);
  };
  for (const bad of ["", "{", "{'a': 1}"]) reason(bad);
  for (const bad of ["[]", "1", "null", '"x"']) assert.equal(reason(bad), "it is no object", bad);
  const bad = {
    '{"process": {"args": ["a", 1]}}': "process.args[1] is no string",
    '{"process": {"args": "a"}}': "process.args is no list",
    '{"process": {"user": {"uid": 1.5}}}': "process.user.uid is no integer",
    '{"process": {"rlimits": [[]]}}': "process.rlimits[0] is no object",
    '{"root": "rootfs"}': "root is no object",
    '{"linux": {"sysctl": {"a.b": 1}}}': "linux.sysctl.a.b is no string",
    '{"linux": {"seccomp": {"syscalls": [{"args": [{"value": "x"}]}]}}}':
      "linux.seccomp.syscalls[0].args[0].value is no integer",
    '{"hooks": {"poststop": {}}}': "hooks.poststop is no list",
  };
  for (const [text, message] of Object.entries(bad)) assert.equal(reason(text), message);
});

test("parseProcess() reads a process alone", () => {
  assert.deepEqual(parseProcess('{"args": ["a"], "cwd": "/"}'), { args: ["a"], cwd: "/" });
  assert.throws(() => parseProcess('{"cwd": 1}'), /^SyntaxError: cwd is no string$/);
});
