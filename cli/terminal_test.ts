import assert from "node:assert/strict";
import { openSync } from "node:fs";
import { test } from "node:test";
import { isTerminal, makeRaw, rawMode, terminalSize } from "./terminal.ts";

test("rawMode() is cfmakeraw(3)", () => {
  const termios = new Uint8Array(36).fill(0xff);
  const raw = rawMode(termios);
  const words = [...new Uint32Array(raw.buffer, 0, 4)].map((word) => (~word >>> 0).toString(8));
  // IGNBRK BRKINT PARMRK ISTRIP INLCR IGNCR ICRNL IXON; OPOST; PARENB; ECHO ECHONL ICANON ISIG IEXTEN
  assert.deepEqual(words, ["2753", "1", "400", "100113"]);
  assert.deepEqual([raw[17 + 6], raw[17 + 5]], [1, 0]);
  assert.ok(termios.every((byte) => byte === 0xff));
});

test("a file is no terminal", () => {
  const fd = openSync("/dev/null", "r");
  assert.equal(isTerminal(fd), false);
  assert.equal(terminalSize(fd), undefined);
  makeRaw(fd)();
});
