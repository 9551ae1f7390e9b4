import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { RotatingJsonLog } from "./rotating_json_log.ts";

const encode = (text: string) => new TextEncoder().encode(text);

function withDirectory(work: (path: string, files: () => string[]) => void): void {
  const directory = mkdtempSync(join(tmpdir(), "ctr-test-rotating-"));
  const texts = () =>
    readdirSync(directory).sort().map((name) =>
      name + ": " +
      readFileSync(join(directory, name), "utf8").split("\n").filter(Boolean)
        .map((line) => (JSON.parse(line) as { log: string }).log.trim()).join(" ")
    );
  try {
    work(join(directory, "log"), texts);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** A line of the log with one digit is about 80 bytes. */
const TWO_LINES = 100;

test("RotatingJsonLog begins a new file when one is full, and drops the oldest", () =>
  withDirectory((path, files) => {
    const log = new RotatingJsonLog(path, { maxBytes: TWO_LINES, maxFiles: 3 });
    for (const digit of "12") log.write("stdout", encode(`${digit}\n`));
    assert.deepEqual(files(), ["log: 1 2"]);
    log.write("stderr", encode("3\n4\n5\n"));
    assert.deepEqual(files(), ["log: 5", "log.1: 3 4", "log.2: 1 2"]);
    log.write("stdout", encode("6\n7"));
    log.close();
    assert.deepEqual(files(), ["log: 7", "log.1: 5 6", "log.2: 3 4"]);
    const again = new RotatingJsonLog(path, { maxBytes: TWO_LINES, maxFiles: 3 });
    again.write("stdout", encode("8\n9\n"));
    again.close();
    assert.deepEqual(files(), ["log: 9", "log.1: 7 8", "log.2: 5 6"]);
  }));

test("RotatingJsonLog with one file begins it anew", () =>
  withDirectory((path, files) => {
    const log = new RotatingJsonLog(path, { maxBytes: TWO_LINES });
    log.write("stdout", encode("1\n2\n3\n"));
    log.close();
    assert.deepEqual(files(), ["log: 3"]);
  }));

test("RotatingJsonLog writes attributes in the order of their names", () =>
  withDirectory((path) => {
    const log = new RotatingJsonLog(path, { attrs: { tag: "t", a: '"' } });
    log.write("stdout", encode("x\n"));
    log.close();
    assert.match(
      readFileSync(path, "utf8"),
      /^\{"log":"x\\n","stream":"stdout","attrs":\{"a":"\\"","tag":"t"\},"time":"[^"]+Z"\}\n$/,
    );
  }));
