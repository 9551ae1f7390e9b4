import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { JsonLog, LogLines, timestamp } from "./json_log.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const logs = (text: string) =>
  text.split("\n").filter((line) => line !== "").map((line) =>
    (JSON.parse(line) as { log: string }).log
  );

test("LogLines writes a line when its end has come", () => {
  const lines = new LogLines("stdout");
  assert.equal(lines.push(encode("hel"), "T1"), "");
  assert.equal(
    lines.push(encode('lo "x"\nwor'), "T2"),
    '{"log":"hello \\"x\\"\\n","stream":"stdout","time":"T2"}\n',
  );
  assert.equal(lines.end("T3"), '{"log":"wor","stream":"stdout","time":"T3"}\n');
  assert.equal(lines.end("T4"), "");
});

test("LogLines keeps a character whole that comes in two chunks", () => {
  const lines = new LogLines("stderr");
  const bytes = encode("ä€😀\n");
  let text = "";
  for (const byte of bytes) text += lines.push(Uint8Array.of(byte), "T");
  assert.deepEqual(logs(text), ["ä€😀\n"]);
});

test("LogLines cuts a long line at 16 KiB, never inside a character", () => {
  const lines = new LogLines("stdout");
  const long = "x".repeat((16 << 10) - 1) + "😀" + "y".repeat(40_000);
  const parts = logs(lines.push(encode(long + "\nz\n"), "T"));
  assert.equal(parts.join(""), long + "\nz\n");
  assert.equal(parts.length, 5);
  assert.ok(parts.every((part) => part.length <= 16 << 10));
  assert.ok(parts.every((part) => part.isWellFormed()));
  assert.deepEqual(parts.map((part) => part.endsWith("\n")), [false, false, false, true, true]);
});

test("LogLines does not hold more than one part of an endless line", () => {
  const lines = new LogLines("stdout");
  let written = 0;
  for (let i = 0; i < 100; i++) {
    written += logs(lines.push(encode("x".repeat(1000)), "T")).join("").length;
  }
  assert.ok(written > 80_000);
});

test("LogLines replaces what is not UTF-8 and keeps a byte-order mark", () => {
  const lines = new LogLines("stdout");
  assert.deepEqual(logs(lines.push(Uint8Array.of(0xff, 0x41, 0x0a), "T")), ["\ufffdA\n"]);
  assert.deepEqual(logs(new LogLines("stdout").push(encode("\ufeffA\n"), "T")), ["\ufeffA\n"]);
});

test("JsonLog appends to what is there and ignores writes after close", () => {
  const directory = mkdtempSync(join(tmpdir(), "ctr-json-log-"));
  try {
    const path = join(directory, "log");
    for (const word of ["one", "two"]) {
      const log = new JsonLog(path);
      log.write("stdout", encode(`${word}\nrest`));
      log.write("stderr", encode("e\n"));
      log.close();
      log.write("stdout", encode("late\n"));
      log.close();
    }
    const entries = readFileSync(path, "utf8").trim().split("\n").map((line) =>
      JSON.parse(line) as { log: string; stream: string; time: string }
    );
    assert.deepEqual(
      entries.map(({ stream, log }) => stream[3] + log),
      ["oone\n", "ee\n", "orest", "otwo\n", "ee\n", "orest"],
    );
    assert.ok(entries.every(({ time }) => !Number.isNaN(Date.parse(time))));
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("JsonLog survives a full disk", () => {
  const log = new JsonLog("/dev/full");
  log.write("stdout", encode("lost\n"));
  log.close();
});

test("timestamp() is RFC 3339 with nanoseconds and the present moment", () => {
  const text = timestamp();
  assert.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  assert.ok(Math.abs(Date.parse(text) - Date.now()) < 2000);
});
