import assert from "node:assert/strict";
import { test } from "node:test";
import { CAPABILITIES, capabilityWords, parseSignal } from "./mod.ts";

test("parseSignal() takes what people write", () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ["TERM", 15],
    ["SIGTERM", 15],
    ["sigterm", 15],
    ["9", 9],
    ["64", 64],
    ["SIGRTMIN", 34],
    ["SIGRTMIN+3", 37],
    ["RTMAX-1", 63],
    ["SIGCLD", 17],
    ["SIGPOLL", 29],
    ["0", undefined],
    ["65", undefined],
    ["", undefined],
    ["SIGNOPE", undefined],
    ["RTMIN+31", undefined],
    ["RTMIN-1", undefined],
    ["-9", undefined],
    ["constructor", undefined],
    ["__proto__", undefined],
  ];
  for (const [text, number] of cases) assert.equal(parseSignal(text), number, text);
});

test("capabilityWords() puts every capability at its bit", () => {
  assert.deepEqual(capabilityWords([]), [0, 0]);
  assert.deepEqual(capabilityWords(["CAP_CHOWN", "CAP_SETFCAP"]), [0x80000001, 0]);
  assert.deepEqual(capabilityWords(["CAP_MAC_OVERRIDE", "CAP_CHECKPOINT_RESTORE"]), [0, 0x101]);
  assert.deepEqual(capabilityWords(CAPABILITIES), [0xffffffff, 0x1ff]);
  assert.throws(() => capabilityWords(["CAP_NOPE"]), /unknown capability "CAP_NOPE"/);
});
