import assert from "node:assert/strict";
import { test } from "node:test";
import {
  errorFrame,
  type Frame,
  FrameReader,
  parseRequest,
  parseResponse,
  requestFrame,
  responseFrame,
} from "./ttrpc.ts";

function* read(reader: FrameReader): Generator<Frame> {
  for (let frame; (frame = reader.next()) !== undefined;) yield frame;
}
const all = (...pieces: Uint8Array[]) => {
  const reader = new FrameReader();
  for (const piece of pieces) reader.push(piece);
  return [...read(reader)];
};

test("a request is framed as PROTOCOL.md of ttrpc says", () => {
  // By hand: length 10, stream 1, request, no flags; service "s", method "M", payload 01 02
  const frame = requestFrame(1, "s", "M", Uint8Array.of(1, 2));
  assert.deepEqual(
    [...frame],
    [0, 0, 0, 10, 0, 0, 0, 1, 1, 0, 0x0a, 1, 0x73, 0x12, 1, 0x4d, 0x1a, 2, 1, 2],
  );
});

test("requests and responses survive a round trip", () => {
  const [request, ok, bad] = all(
    requestFrame(3, "containerd.task.v2.Task", "State", Uint8Array.of(7)),
    responseFrame(3, Uint8Array.of(8)),
    errorFrame(5, { code: 5, message: "no such task" }),
  );
  const { service, method, payload, timeoutNano } = parseRequest(request!)!;
  assert.deepEqual(
    { stream: request!.stream, service, method, payload: [...payload], timeoutNano },
    {
      stream: 3,
      service: "containerd.task.v2.Task",
      method: "State",
      payload: [7],
      timeoutNano: 0,
    },
  );
  assert.equal(parseResponse(request!), undefined);
  assert.equal(parseRequest(ok!), undefined);
  assert.deepEqual([...parseResponse(ok!)!.payload], [8]);
  assert.equal(parseResponse(ok!)!.status, undefined);
  const { code, message } = parseResponse(bad!)!.status!;
  assert.deepEqual({ code, message }, { code: 5, message: "no such task" });
});

test("FrameReader puts frames together from single bytes", () => {
  const frame = requestFrame(9, "s", "M", new Uint8Array(300));
  const reader = new FrameReader();
  const seen: Frame[] = [];
  for (const byte of [...frame, ...frame]) {
    reader.push(Uint8Array.of(byte));
    seen.push(...read(reader));
  }
  assert.deepEqual(seen.map(({ stream }) => stream), [9, 9]);
  assert.equal(reader.rest().length, 0);
});

test("FrameReader gives back what follows the last frame", () => {
  const frame = responseFrame(1, new Uint8Array(0));
  const reader = new FrameReader();
  reader.push(Uint8Array.of(...frame, 1, 2, 3));
  assert.ok(reader.next());
  assert.deepEqual([...reader.rest()], [1, 2, 3]);
  assert.equal(reader.next(), undefined);
});

test("FrameReader refuses a frame above 4 MiB before it has come", () => {
  const reader = new FrameReader();
  reader.push(Uint8Array.of(0, 0x40, 0, 1, 0, 0, 0, 1, 1, 0));
  assert.throws(() => reader.next(), { name: "RangeError", message: /4194305 bytes/ });
});
