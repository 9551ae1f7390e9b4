import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, type Encodable, encode, type Message } from "./protobuf.ts";
import { METHODS } from "./task_api.ts";

const hex = (bytes: Uint8Array) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
const bytes = (text: string) => Uint8Array.from(text.match(/../g) ?? [], (b) => parseInt(b, 16));

test("encode() writes tags, lengths and nested messages as the encoding guide says", () => {
  // By hand from https://protobuf.dev/programming-guides/encoding/: CreateTaskRequest{id:"a" rootfs:{type:"bind" source:"/x" options:["ro","rbind"]} terminal:true}
  const message = encode(METHODS.Create.request, {
    id: "a",
    rootfs: [{ type: "bind", source: "/x", options: ["ro", "rbind"] }],
    terminal: true,
  });
  assert.equal(
    hex(message),
    "0a0161" + "1a15" + "0a0462696e64" + "12022f78" + "2202726f" + "2205" + "7262696e64" + "2001",
  );
});

test("encode() writes numbers as varints and leaves zeros out", () => {
  const fields = { a: [1, "int"], b: [16, "int"], c: [3, "bool"], d: [4, "string"] } as const;
  assert.equal(hex(encode(fields, { a: 300, b: 1, c: false, d: "" })), "08ac02" + "800101");
  assert.equal(hex(encode(fields, { a: 0 })), "");
  assert.equal(hex(encode({ a: [1, "int"] } as const, { a: 2 ** 53 - 1 })), "08ffffffffffffff0f");
});

test("decode() gives absent fields their zero values", () => {
  const value = decode(METHODS.State.response, new Uint8Array(0));
  assert.deepEqual(
    { ...value },
    {
      id: "",
      bundle: "",
      pid: 0,
      status: 0,
      stdin: "",
      stdout: "",
      stderr: "",
      terminal: false,
      exitStatus: 0,
      exitedAt: undefined,
      execId: "",
    },
  );
});

test("decode() skips unknown fields of every wire type", () => {
  const fields = { id: [1, "string"] } as const satisfies Message;
  // field 9: varint, 64 bit, bytes, 32 bit; then id "x"
  const value = decode(
    fields,
    bytes("4801" + "490102030405060708" + "4a02ffff" + "4d01020304" + "0a0178"),
  );
  assert.equal(value.id, "x");
});

test("decode() refuses what is cut off or of the wrong type", () => {
  const fields = { id: [1, "string"], pid: [2, "int"] } as const satisfies Message;
  for (
    const [bad, why] of [
      ["0a05ab", "longer than its message"],
      ["0a", "ends in a number"],
      ["10", "ends in a number"],
      ["10ffffffffffffffffffffffff01", "too long"],
      ["0801", "another type"],
      ["120141", "another type"],
      ["0b", "wire type 3"],
      ["1d0102", "ends in a field"],
    ] as const
  ) {
    assert.throws(() => decode(fields, bytes(bad)), {
      name: "RangeError",
      message: new RegExp(why),
    });
  }
});

test("every message of the Task API survives a round trip", () => {
  const random = generator(1);
  for (const { request, response } of Object.values(METHODS)) {
    for (const fields of [request, response] as Message[]) {
      for (let i = 0; i < 20; i++) {
        const value = sample(fields, random);
        assert.deepEqual(
          plain(decode(fields, encode(fields, value as Encodable<Message>))),
          plain(value),
        );
      }
    }
  }
});

test("decode() of damaged messages throws a RangeError or returns", () => {
  const random = generator(42);
  const fields = METHODS.Create.request;
  for (let i = 0; i < 2000; i++) {
    const message = encode(fields, sample(fields, random) as Encodable<typeof fields>);
    const length = Math.floor(random() * (message.length + 1));
    const damaged = message.slice(0, random() < 0.5 ? length : message.length);
    for (let n = 0; n < 3 && damaged.length > 0; n++) {
      damaged[Math.floor(random() * damaged.length)] = Math.floor(random() * 256);
    }
    try {
      decode(fields, damaged);
    } catch (error) {
      assert.ok(error instanceof RangeError, String(error));
    }
  }
});

/** Seeded, so that a failure can be repeated. */
function generator(seed: number): () => number {
  return () => {
    seed = (seed * 1664525 + 1013904223) % 4294967296;
    return seed / 4294967296;
  };
}

function sample(fields: Message, random: () => number): Record<string, unknown> {
  const one = (type: Message[string][1]): unknown => {
    if (type === "int") return Math.floor(random() * 2 ** Math.floor(random() * 53));
    if (type === "bool") return random() < 0.5;
    if (type === "string") return "äb€".repeat(Math.floor(random() * 60));
    if (type === "bytes") return Uint8Array.from({ length: random() * 200 }, () => random() * 256);
    return sample(type, random);
  };
  return Object.fromEntries(
    Object.entries(fields).map(([name, [, type, repeated]]) => [
      name,
      repeated ? Array.from({ length: random() * 4 }, () => one(type)) : one(type),
    ]),
  );
}

/** Without the difference between kinds of byte arrays. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, v) => v instanceof Uint8Array ? [...v] : v));
}
