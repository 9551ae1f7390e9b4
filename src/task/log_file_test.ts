import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { LogFile } from "./log_file.ts";

const line = (log: string) =>
  JSON.stringify({ log, stream: "stdout", time: "2026-01-02T03:04:05.000000006Z" }) + "\n";

function withLog(content: string, work: (path: string, file: LogFile) => void): void {
  const directory = mkdtempSync(join(tmpdir(), "ctr-log-file-"));
  const path = join(directory, "log");
  writeFileSync(path, content);
  const file = new LogFile(path);
  try {
    work(path, file);
  } finally {
    file.close();
    rmSync(directory, { recursive: true });
  }
}
const texts = (file: LogFile) => [...file.read()].map(({ log }) => log);

test("LogFile reads what was added since the last time", () => {
  withLog(line("a\n"), (path, file) => {
    assert.deepEqual(texts(file), ["a\n"]);
    assert.deepEqual(texts(file), []);
    const [begin, end] = [line("ä\n").slice(0, 10), line("ä\n").slice(10)];
    appendFileSync(path, begin);
    assert.deepEqual(texts(file), []);
    appendFileSync(path, end + line("b\n"));
    assert.deepEqual(texts(file), ["ä\n", "b\n"]);
  });
});

test("LogFile.seekTail() finds the last entries from the end, across blocks", () => {
  const many = Array.from({ length: 5000 }, (_, i) => `${i} ${"x".repeat(i % 90)}\n`);
  for (const count of [0, 1, 2, 700, 4999, 5000, 9000]) {
    withLog(many.map(line).join(""), (_, file) => {
      file.seekTail(count);
      assert.deepEqual(texts(file), count === 0 ? [] : many.slice(-count), `${count}`);
    });
  }
});

test("LogFile.seekTail() of an empty log reads what comes", () => {
  withLog("", (path, file) => {
    file.seekTail(3);
    appendFileSync(path, line("a\n"));
    assert.deepEqual(texts(file), ["a\n"]);
  });
});

test("LogFile leaves out a line that a crash cut off, and reads on", () => {
  const torn = line("lost\n").slice(0, 25);
  withLog(line("a\n") + torn + line("b\n") + "rubbish\n" + line("c\n"), (_, file) => {
    assert.deepEqual(texts(file), ["a\n", "b\n", "c\n"]);
  });
});
