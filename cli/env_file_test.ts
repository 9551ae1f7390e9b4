import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { environmentOf, labelsOf, parsePairs, variables } from "./env_file.ts";

const HOME = { HOME: "/root", EMPTY: "" };

test("environmentOf() takes values from our environment for names without one", () => {
  const env = ["A=1", "HOME", "EMPTY", "UNSET", "B=x=y", "C="];
  assert.deepEqual(environmentOf({ env, "env-file": [] }, HOME), [
    "A=1",
    "HOME=/root",
    "EMPTY=",
    "B=x=y",
    "C=",
  ]);
  assert.throws(() => environmentOf({ env: ["=x"], "env-file": [] }, HOME), /no name/);
  assert.throws(() => environmentOf({ env: [""], "env-file": [] }, HOME), /no name/);
});

test("environmentOf() and labelsOf() read files, and flags win by coming later", () => {
  const directory = mkdtempSync(join(tmpdir(), "ctr-env-"));
  try {
    const path = join(directory, "env");
    writeFileSync(path, "A=file\nHOME\n");
    assert.deepEqual(environmentOf({ env: ["A=flag"], "env-file": [path] }, HOME), [
      "A=file",
      "HOME=/root",
      "A=flag",
    ]);
    assert.deepEqual(labelsOf({ label: ["A=flag", "B"], "label-file": [path] }), {
      A: "flag",
      HOME: "",
      B: "",
    });
    const gone = { env: [], "env-file": [join(directory, "gone")] };
    assert.throws(() => environmentOf(gone, HOME), /ENOENT/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("variables() reads a file as Docker does", () => {
  const text = "\uFEFF# comment\r\n\r\n  A=1 \r\n\tB='quoted'\nC=a # not a comment\nD=\nE\n";
  assert.deepEqual(variables(text, "f"), ["A=1 ", "B='quoted'", "C=a # not a comment", "D=", "E"]);
  assert.throws(() => variables("A B=1", "f"), /"A B" contains white space/);
  assert.throws(() => variables("A =1", "f"), /white space/);
  assert.throws(() => variables("=1", "f"), /no name/);
});

test("parsePairs() splits at the first equals sign", () => {
  assert.deepEqual(parsePairs(["a=b=c", "d", "a=e"]), { a: "e", d: "" });
});
