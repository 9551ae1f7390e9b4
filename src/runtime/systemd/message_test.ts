import assert from "node:assert/strict";
import { test } from "node:test";
import { Marshaller } from "./marshal.ts";
import { decodeMessage, encodeMessage, messageLength } from "./message.ts";
import { type DBusValue, parseSignature } from "./signature.ts";
import { Unmarshaller } from "./unmarshal.ts";

function marshal(signature: string, values: readonly DBusValue[]): Uint8Array {
  const marshaller = new Marshaller();
  marshaller.write(signature, values);
  return marshaller.bytes();
}

const hex = (bytes: Uint8Array) =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");

test("Marshaller writes the bytes of the specification's examples", () => {
  assert.equal(
    hex(marshal("sss", ["foo", "+", "bar"])),
    "03 00 00 00 66 6f 6f 00 01 00 00 00 2b 00 00 00 03 00 00 00 62 61 72 00",
  );
  assert.equal(hex(marshal("ax", [[5n]])), "08 00 00 00 00 00 00 00 05 00 00 00 00 00 00 00");
  assert.equal(hex(marshal("yax", [1, []])), "01 00 00 00 00 00 00 00");
  assert.equal(hex(marshal("v", [{ signature: "u", value: 7 }])), "01 75 00 00 07 00 00 00");
  assert.equal(hex(marshal("bnq", [true, -2, 3])), "01 00 00 00 fe ff 03 00");
});

test("a call has the bytes that the specification wants", () => {
  const bytes = encodeMessage({
    kind: "call",
    serial: 1,
    path: "/org/freedesktop/DBus",
    interface: "org.freedesktop.DBus",
    member: "Hello",
    destination: "org.freedesktop.DBus",
  });
  const text = new TextDecoder("latin1").decode(bytes);
  assert.equal(
    text,
    "l\x01\0\x01" + "\0\0\0\0" + "\x01\0\0\0" + "m\0\0\0" +
      "\x01\x01o\0\x15\0\0\0/org/freedesktop/DBus\0\0\0" +
      "\x02\x01s\0\x14\0\0\0org.freedesktop.DBus\0\0\0\0" +
      "\x03\x01s\0\x05\0\0\0Hello\0\0\0" +
      "\x06\x01s\0\x14\0\0\0org.freedesktop.DBus\0\0\0\0",
  );
  assert.equal(messageLength(bytes), bytes.length);
});

test("Unmarshaller reads back every type", () => {
  const values: DBusValue[] = [
    255,
    true,
    -3,
    65535,
    -70000,
    4e9,
    -(2n ** 63n),
    2n ** 64n - 1n,
    1.5,
    "ä",
    "/a",
    "a{sv}",
    new Uint8Array([1, 2, 3]),
    [["x", { signature: "(sat)", value: ["y", [1n, 2n]] }]],
    ["z", [1, "w"]],
    9,
  ];
  const signature = "ybnqiuxtdsogaya{sv}(s(us))h";
  assert.deepEqual(new Unmarshaller(marshal(signature, values)).read(signature), values);
});

test("Marshaller grows with what it is given", () => {
  for (const length of [1, 511, 512, 5000]) {
    const values: DBusValue[] = [
      "x".repeat(length),
      Array.from({ length }, (_, index) => BigInt(index)),
      1.5,
    ];
    assert.deepEqual(new Unmarshaller(marshal("satd", values)).read("satd"), values);
  }
});

test("decodeMessage() reads a message in the other byte order", () => {
  const bytes = Uint8Array.from([
    ...[0x42, 2, 0, 1, 0, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0, 15],
    ...[5, 1, 0x75, 0, 0, 0, 0, 3, 8, 1, 0x67, 0, 1, 0x75, 0, 0],
    ...[0, 0, 1, 0],
  ]);
  assert.deepEqual(decodeMessage(bytes), {
    kind: "return",
    serial: 9,
    replySerial: 3,
    signature: "u",
    body: [256],
  });
});

test("parseSignature() refuses what is none", () => {
  for (const bad of ["a", "(", ")", "()", "(s", "{sv}", "a{vs}", "a{s}", "a{sss}", "z", "r"]) {
    assert.throws(() => parseSignature(bad), { code: "invalid_argument" }, bad);
  }
  assert.throws(() => parseSignature("a".repeat(80) + "s"), /nested/);
  assert.throws(() => parseSignature("s".repeat(256)), /long/);
});

test("Unmarshaller refuses what is malformed", () => {
  const refuses = (signature: string, bytes: readonly number[], reason: RegExp) =>
    assert.throws(() => new Unmarshaller(new Uint8Array(bytes)).read(signature), reason);
  refuses("u", [1, 2, 3], /ends too early/);
  refuses("yu", [1, 0, 1, 0, 0, 0, 0, 0], /padding/);
  refuses("b", [2, 0, 0, 0], /boolean/);
  refuses("s", [1, 0, 0, 0, 0x61, 1], /NUL/);
  refuses("s", [1, 0, 0, 0, 0xff, 0], /UTF-8/);
  refuses("s", [255, 255, 255, 255, 0], /ends too early/);
  refuses("as", [255, 255, 255, 255], /too long/);
  refuses("au", [6, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0], /inside a value/);
  refuses("v", [2, 0x75, 0x75, 0, 1, 0, 0, 0], /one value/);
  const variants = Array.from({ length: 100 }, () => [1, 0x76, 0]).flat();
  refuses("v", variants, /nested/);
});

test("decodeMessage() fails with its own error on bytes that were changed at random", () => {
  const original = encodeMessage({
    kind: "signal",
    serial: 3,
    path: "/org/freedesktop/systemd1",
    interface: "org.freedesktop.systemd1.Manager",
    member: "JobRemoved",
    sender: ":1.0",
    signature: "uossa{sv}a(sas)",
    body: [
      7,
      "/job/7",
      "a.scope",
      "done",
      [["x", { signature: "av", value: [{ signature: "t", value: 1n }] }]],
      [["y", ["z"]]],
    ],
  });
  let state = 0x2545f491;
  const random = (below: number) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  let read = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = original.slice(0, random(8) === 0 ? random(original.length) : original.length);
    for (let change = random(4); change >= 0; change--) {
      bytes[random(bytes.length)] = random(2) === 0 ? random(256) : "(){}avsybutxog"
        .charCodeAt(random(14));
    }
    try {
      if ((messageLength(bytes) ?? Infinity) <= bytes.length) decodeMessage(bytes);
      read++;
    } catch (error) {
      assert.equal((error as { code?: string }).code, "data_loss", String(error));
    }
  }
  assert.ok(read > 100 && read < 20_000, String(read));
});
