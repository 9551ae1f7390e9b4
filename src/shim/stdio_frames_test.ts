import assert from "node:assert/strict";
import { test } from "node:test";
import { STDERR, STDIN, stdioFrame, StdioReader, STDOUT } from "./stdio_frames.ts";

const collect = (reader: StdioReader, ...chunks: Uint8Array[]) => {
  const seen: [number, number[]][] = [];
  for (const chunk of chunks) reader.push(chunk, (stream, data) => seen.push([stream, [...data]]));
  return seen;
};

test("stdioFrame() writes Docker's header", () => {
  assert.deepEqual([...stdioFrame(STDERR, Uint8Array.of(9, 8))], [2, 0, 0, 0, 0, 0, 0, 2, 9, 8]);
});

test("StdioReader passes pieces on as they come, whole or not", () => {
  const bytes = Uint8Array.of(
    ...stdioFrame(STDOUT, Uint8Array.of(1, 2, 3)),
    ...stdioFrame(STDIN, new Uint8Array(0)),
    ...stdioFrame(STDERR, Uint8Array.of(4)),
  );
  assert.deepEqual(collect(new StdioReader(), bytes), [[1, [1, 2, 3]], [0, []], [2, [4]]]);
  const singly = collect(new StdioReader(), ...[...bytes].map((byte) => Uint8Array.of(byte)));
  assert.deepEqual(singly, [[1, [1]], [1, [2]], [1, [3]], [0, []], [2, [4]]]);
});

test("StdioReader refuses a length that no client of ours sends", () => {
  const reader = new StdioReader();
  assert.throws(() => collect(reader, Uint8Array.of(0, 0, 0, 0, 0xff, 0, 0, 0)), RangeError);
});
