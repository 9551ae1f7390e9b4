import assert from "node:assert/strict";
import { test } from "node:test";
import { attributeMap, decodeAttributes, encodeAttributes, nested, text } from "./attributes.ts";
import { parseAddress, parseSubnet } from "./addresses.ts";
import { decodeMessages, encodeMessage, encodeMessages, NLM_F, verdictOf } from "./netlink.ts";
import { destinationOf, getLink, linkOf, newAddress, newLink, newRoute } from "./rtnetlink.ts";
import { random } from "../../tests/fixtures/random.ts";

const bytes = (hex: string) =>
  new Uint8Array(hex.replaceAll(/\s/g, "").match(/../g)!.map((byte) => parseInt(byte, 16)));
const hex = (data: Uint8Array) => [...data].map((b) => b.toString(16).padStart(2, "0")).join("");
/** What Linux 6.18 has said. */
const said = (text: string) => decodeMessages(bytes(text))[0]!;

test("encodeMessage() has a header, a fixed part and attributes on words", () => {
  assert.equal(
    hex(encodeMessage(getLink("br0"), 7)),
    "30000000" + "12000100" + "07000000" + "00000000" + // 48 bytes, RTM_GETLINK, REQUEST
      "00".repeat(16) + "08000300" + "62723000" + "08001d00" + "08000000",
  );
});

test("verdictOf() reads an acknowledgement", () => {
  const done = said("240000000200000107000000450d0000 00000000 38000000100005060700000000000000");
  assert.deepEqual(verdictOf(done), { errno: 0, text: "" });
  assert.equal(done.sequence, 7);
  const exists = said("240000000200000107000000450d0000 efffffff 38000000100005060700000000000000");
  assert.deepEqual(verdictOf(exists), { errno: 17, text: "" });
});

test("verdictOf() reads what the kernel has to say of an error", () => {
  const refused = said(
    "440000000200000307000000bc7b00009bffffff2c000000180005060700000000000000200001004e65787468" +
      "6f702068617320696e76616c6964206761746577617900",
  );
  assert.deepEqual(verdictOf(refused), { errno: 101, text: "Nexthop has invalid gateway" });
});

test("linkOf() reads a link", () => {
  const link = linkOf(said(
    "600000001000000007000000450d0000" + "00000100020000004310010000000000" +
      "0800030062723000" + "08000400dc050000" + "0a000100aa19057317540000" + "08000a0005000000" +
      "1c0012800b00010062726964676500000c0002800800010000000000",
  ));
  const { mac, ...rest } = link;
  assert.deepEqual(rest, {
    index: 2,
    name: "br0",
    up: true,
    mtu: 1500,
    kind: "bridge",
    master: 5,
  });
  assert.equal(hex(mac), "aa1905731754");
});

test("destinationOf() knows the routes of the main table", () => {
  const local = said(
    "3c0000001800220007000000bc7b0000" +
      "02200000ff02fe020000000008000f00ff000000080001000a000001080007000a0000010800040002000000",
  );
  assert.equal(destinationOf(local), undefined);
  const route = newRoute({ family: 4, to: parseSubnet("10.1.0.0/16"), link: 2 });
  const [message] = decodeMessages(encodeMessage(route, 1));
  assert.deepEqual(destinationOf(message!), parseSubnet("10.1.0.0/16"));
  const everywhere = newRoute({ family: 4, gateway: parseAddress("10.1.0.1"), link: 2 });
  assert.equal(destinationOf(decodeMessages(encodeMessage(everywhere, 1))[0]!), undefined);
});

test("newAddress() has a broadcast address where there is room for one", () => {
  const broadcast = (address: string, prefix: number) =>
    newAddress(1, parseAddress(address), prefix).attributes!.find(([type]) => type === 4)?.[1];
  assert.deepEqual(broadcast("10.1.2.3", 20), parseAddress("10.1.15.255"));
  assert.deepEqual(broadcast("10.1.2.3", 24), parseAddress("10.1.2.255"));
  assert.equal(broadcast("10.1.2.3", 31), undefined);
  assert.equal(broadcast("fd00::1", 64), undefined);
});

test("several requests are one datagram", () => {
  const requests = [getLink(), newLink({ name: "a" }, "bridge")];
  const found = decodeMessages(encodeMessages(requests, 5));
  assert.deepEqual(found.map(({ sequence, type }) => [sequence, type]), [[5, 18], [6, 16]]);
  assert.ok(found.every(({ flags }) => (flags & NLM_F.REQUEST) !== 0));
});

test("attributes come back as they were made", () => {
  const inner = [[1, text("x")], [2, bytes("0102030405")]] as const;
  const encoded = encodeAttributes([nested(9, inner), [3, new Uint8Array()]]);
  const outer = decodeAttributes(encoded);
  assert.deepEqual(outer.map(([type]) => type), [9, 3]);
  assert.deepEqual(decodeAttributes(outer[0]![1]), inner.map(([type, value]) => [type, value]));
});

test("no bytes make the decoders fail, or read what is not theirs", () => {
  const { int } = random(6);
  const seed = encodeMessages([
    newLink({ name: "fuzz", up: true }, "bridge", [[1, bytes("01020304")]]),
    newRoute({ family: 6, to: parseSubnet("fd00::/64"), link: 3 }),
  ], 1);
  for (let round = 0; round < 4000; round++) {
    const data = seed.slice(0, int(seed.length + 1));
    for (let change = int(8); change > 0 && data.length > 0; change--) {
      data[int(data.length)] = int(256);
    }
    for (const message of decodeMessages(data)) {
      assert.ok(message.body.byteOffset + message.body.length <= data.length);
      verdictOf(message);
      linkOf(message);
      destinationOf(message);
      for (const value of attributeMap(message.body).values()) {
        assert.ok(value.byteOffset + value.length <= data.length);
      }
    }
  }
});
