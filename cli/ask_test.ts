import assert from "node:assert/strict";
import { test } from "node:test";
import { lineEditor } from "./ask.ts";

test("lineEditor() takes characters back whole, and ends with the line or Ctrl-C", () => {
  const editor = lineEditor();
  for (const byte of new TextEncoder().encode("aé\x7f\x7f\x7fbü\r")) editor.type(byte);
  assert.deepEqual([editor.done, editor.text()], [true, "bü"]);
  assert.throws(() => lineEditor().type(3), { code: "canceled" });
});
