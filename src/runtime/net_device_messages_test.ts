import assert from "node:assert/strict";
import { test } from "node:test";
import {
  keptAddress,
  linkHeader,
  message,
  messages,
  nameBytes,
  onLink,
} from "./net_device_messages.ts";

const hex = (bytes: Uint8Array) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");

test("message() has a header, a fixed part and attributes on words", () => {
  const bytes = message(16, 4, linkHeader(7, { flags: 1, change: 1 }), [[3, nameBytes("eth0")]]);
  assert.equal(
    hex(bytes),
    "2c00000010000500" + "0100000000000000" + // 44 bytes, RTM_NEWLINK, REQUEST|ACK, number 1
      "0000000007000000" + "0100000001000000" + "09000300" + "6574683000" + "000000",
  );
  assert.deepEqual(messages(bytes).map(({ type }) => type), [16]);
});

test("messages() takes a datagram apart and stops where it makes no sense", () => {
  const one = message(20, 0, new Uint8Array(8));
  const both = new Uint8Array([...one, ...one, 3, 0, 0, 0, 1, 2]);
  assert.equal(messages(both).length, 2);
  assert.deepEqual(messages(new Uint8Array(20)), []);
});

test("keptAddress() keeps what was given for good and for everywhere", () => {
  const LOCAL = 2;
  const [FLAGS, LABEL] = [8, 3];
  const [NODAD, PERMANENT, DADFAILED] = [2, 0x80, 8];
  const address = (scope: number, flags: number) => {
    const fixed = new Uint8Array([2, 24, 0, scope, 5, 0, 0, 0]);
    const words = new Uint8Array(new Uint32Array([flags]).buffer);
    const [found] = messages(message(20, 0, fixed, [
      [LOCAL, new Uint8Array([10, 0, 0, 1])],
      [LABEL, nameBytes("eth0")],
      [FLAGS, words],
    ]));
    return found!;
  };
  const kept = keptAddress(address(0, PERMANENT | NODAD | DADFAILED), 5)!;
  assert.deepEqual(kept.attributes.map(([type]) => type), [LOCAL, FLAGS]);
  assert.equal(kept.attributes[1]![1][0], NODAD);
  assert.deepEqual([...onLink(kept.fixed, 9)], [2, 24, 0, 0, 9, 0, 0, 0]);
  assert.equal(keptAddress(address(0, PERMANENT), 6), undefined);
  assert.equal(keptAddress(address(0, 0), 5), undefined);
  assert.equal(keptAddress(address(253, PERMANENT), 5), undefined);
});
