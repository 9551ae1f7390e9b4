import assert from "node:assert/strict";
import {
  appendFileSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { LogFiles } from "./log_files.ts";

const line = (log: string) =>
  JSON.stringify({ log, stream: "stdout", time: "2026-01-02T03:04:05Z" }) + "\n";

function withFiles(
  contents: Readonly<Record<string, string>>,
  work: (path: string, files: LogFiles) => void,
): void {
  const directory = mkdtempSync(join(tmpdir(), "ctr-test-log-files-"));
  for (const [name, text] of Object.entries(contents)) {
    writeFileSync(join(directory, name), [...text].map(line).join(""));
  }
  const files = new LogFiles(join(directory, "log"));
  try {
    work(join(directory, "log"), files);
  } finally {
    files.close();
    rmSync(directory, { recursive: true });
  }
}
const read = (files: LogFiles) => [...files.read()].map(({ log }) => log).join("");

test("LogFiles reads rotated files first, oldest to newest", () =>
  withFiles({ log: "56", "log.1": "34", "log.2": "12" }, (path, files) => {
    assert.equal(read(files), "123456");
    appendFileSync(path, line("7"));
    assert.equal(read(files), "7");
    assert.equal(read(files), "");
  }));

test("LogFiles.seekTail() counts back across files", () => {
  for (
    const [count, text] of [[0, ""], [1, "6"], [2, "56"], [3, "456"], [5, "23456"], [9, "123456"]]
  ) {
    withFiles({ log: "56", "log.1": "34", "log.2": "12" }, (_, files) => {
      files.seekTail(count as number);
      assert.equal(read(files), text);
    });
  }
});

test("LogFiles follows rotations, also several at once, and a file that begins anew", () =>
  withFiles({ log: "1" }, (path, files) => {
    assert.equal(read(files), "1");
    const rotate = (text: string) => {
      renameSync(path, `${path}.1`);
      writeFileSync(path, [...text].map(line).join(""));
    };
    appendFileSync(path, line("2"));
    rotate("3");
    assert.equal(read(files), "23");
    appendFileSync(path, line("4"));
    renameSync(path, `${path}.1`);
    renameSync(`${path}.1`, `${path}.2`);
    writeFileSync(`${path}.1`, line("5"));
    writeFileSync(path, line("6"));
    assert.equal(read(files), "456");
    truncateSync(path, 0);
    assert.equal(read(files), "");
    appendFileSync(path, line("7"));
    assert.equal(read(files), "7");
  }));
