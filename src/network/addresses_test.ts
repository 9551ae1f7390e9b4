import assert from "node:assert/strict";
import { test } from "node:test";
import {
  contains,
  formatAddress,
  formatMac,
  formatSubnet,
  fromNumber,
  overlaps,
  parseAddress,
  parseMac,
  parseSubnet,
  toNumber,
  tryParseAddress,
} from "./addresses.ts";

test("parseAddress() and formatAddress() agree, in the shortest form", () => {
  for (
    const [text, shortest] of [
      ["10.0.0.1", "10.0.0.1"],
      ["::", "::"],
      ["::1", "::1"],
      ["1::", "1::"],
      ["fd00:0:0:1:0:0:0:2", "fd00:0:0:1::2"],
      ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"],
      ["FE80::ABCD:0001", "fe80::abcd:1"],
      ["::ffff:10.1.2.3", "::ffff:a01:203"],
    ] as const
  ) assert.equal(formatAddress(parseAddress(text)), shortest);
});

test("tryParseAddress() knows what is none", () => {
  const wrong = "1.2.3 1.2.3.4.5 256.1.1.1 01.2.3.4 1.2.3.4/8 1:2 1::2::3 :::: 1:2:3:4:5:6:7:8:9 " +
    "12345:: g:: 1:2:3:4:5:6:7:: ::1.2.3 localhost";
  for (const text of [...wrong.split(" "), ""]) {
    if (text === "1:2:3:4:5:6:7::") continue; // one group of zeros may be left out so
    assert.equal(tryParseAddress(text), undefined, text);
  }
});

test("parseSubnet() clears what is behind the prefix", () => {
  assert.equal(formatSubnet(parseSubnet("10.1.2.3/12")), "10.0.0.0/12");
  assert.equal(formatSubnet(parseSubnet("10.1.2.3/32")), "10.1.2.3/32");
  assert.equal(formatSubnet(parseSubnet("fd12:3456::9/17")), "fd12::/17");
  for (const text of ["10.1.2.3", "10.1.2.3/33", "x/8", "::/129", "10.0.0.0/-1", "10.0.0.0/"]) {
    assert.throws(() => parseSubnet(text), { code: "invalid_argument" });
  }
});

test("contains() and overlaps() keep the families apart", () => {
  const subnet = parseSubnet("10.1.0.0/16");
  assert.ok(contains(subnet, parseAddress("10.1.255.255")));
  assert.ok(!contains(subnet, parseAddress("10.2.0.0")));
  assert.ok(!contains(parseSubnet("::/0"), parseAddress("10.1.0.0")));
  assert.ok(overlaps(subnet, parseSubnet("10.0.0.0/8")));
  assert.ok(overlaps(parseSubnet("10.0.0.0/8"), subnet));
  assert.ok(!overlaps(subnet, parseSubnet("10.2.0.0/16")));
  assert.ok(!overlaps(parseSubnet("0.0.0.0/0"), parseSubnet("::/0")));
});

test("fromNumber() undoes toNumber()", () => {
  for (const text of ["0.0.0.0", "255.255.255.255", "10.0.1.0", "fd00::1:0:0:2", "::"]) {
    const bytes = parseAddress(text);
    assert.deepEqual(fromNumber(toNumber(bytes), bytes.length === 4 ? 4 : 6), bytes);
  }
});

test("parseMac() refuses what no interface can have", () => {
  assert.equal(formatMac(parseMac("02-42-AC-11-00-02")), "02:42:ac:11:00:02");
  for (const text of ["", "02:42:ac:11:00", "03:42:ac:11:00:02", "zz:42:ac:11:00:02"]) {
    assert.throws(() => parseMac(text), { code: "invalid_argument" });
  }
});
