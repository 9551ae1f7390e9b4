import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "./addresses.ts";
import { type Attribute, attributeMap, decodeAttributes, numberOf, textOf } from "./attributes.ts";
import type { Request } from "./netlink.ts";
import { addRules, type PortRule, removeRules, staticRules } from "./ruleset.ts";
import { batch, NFPROTO } from "./nf_tables.ts";

const table = { family: NFPROTO.INET, name: "ctr" };
const hex = (data: Uint8Array) => [...data].map((b) => b.toString(16).padStart(2, "0")).join("");

/** Which set a request is about, and the keys and values of its elements. */
function elementsOf({ attributes }: Request): [set: string, ...elements: string[][]] {
  const all = new Map<number, Uint8Array>(
    (attributes as Attribute[]).map(([t, v]) => [t & 0xff, v]),
  );
  const value = (of: Uint8Array | undefined) => of && hex(attributeMap(of).get(1)!);
  return [
    textOf(all.get(2)),
    ...decodeAttributes(all.get(3)!).map(([, element]) => {
      const found = attributeMap(element);
      return [value(found.get(1)), value(found.get(2))].filter((text) => text !== undefined);
    }),
  ];
}

const port = (hostAddress: string, address: string, hostPort: number): PortRule => ({
  protocol: 6,
  hostAddress: parseAddress(hostAddress),
  hostPort,
  address: parseAddress(address),
  port: 80,
});

test("a published port is an element whose parts fill whole registers", () => {
  const made = addRules(table, {
    ports: [
      port("0.0.0.0", "172.17.0.2", 8080),
      port("127.0.0.1", "172.17.0.2", 8081),
      port("::", "fd00::2", 8080),
      port("0.0.0.0", "172.17.0.2", 8082),
    ],
  });
  const [v4, v6] = ["ac110002", "fd00" + "0".repeat(27) + "2"];
  assert.deepEqual(made.map(elementsOf), [
    ["own4", [v4 + v4]],
    ["own6", [v6 + v6]],
    [
      "ports4",
      ["06000000" + "1f900000", "ac110002" + "00500000"],
      ["06000000" + "1f920000", "ac110002" + "00500000"],
    ],
    ["host_ports4", ["7f000001" + "06000000" + "1f910000", "ac110002" + "00500000"]],
    ["ports6", ["06000000" + "1f900000", "fd00" + "0".repeat(27) + "2" + "00500000"]],
  ]);
});

test("a network is the name of its bridge in the sets that it belongs to", () => {
  const name = hex(new TextEncoder().encode("ctr0")).padEnd(32, "0");
  const rules = { bridge: "ctr0", within: true, masqueraded: false, internal: true };
  const made = addRules(table, { bridges: [rules] });
  assert.deepEqual(made.map(elementsOf), [
    ["bridges", [name]],
    ["within", [name + name]],
    ["internal", [name]],
  ]);
  assert.deepEqual(
    removeRules(table, { bridges: [rules] }).map(elementsOf),
    made.map(elementsOf),
  );
});

test("a batch has a beginning and an end, and all between ask for a word", () => {
  const all = batch(staticRules(table));
  assert.deepEqual([all[0]!.type, all.at(-1)!.type], [0x10, 0x11]);
  const ACK = 4;
  assert.ok(all.slice(1, -1).every(({ flags, type }) => flags & ACK && type >> 8 === 10));
  assert.equal(numberOf(all[0]!.fixed.subarray(2), { bigEndian: true }) & 0xffff, 10);
});
