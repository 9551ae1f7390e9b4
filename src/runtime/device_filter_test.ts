import assert from "node:assert/strict";
import { test } from "node:test";
import type { OciDeviceRule } from "../oci/mod.ts";
import { DEFAULT_DEVICES } from "./default_devices.ts";
import { deviceFilter } from "./device_filter.ts";

interface Request {
  readonly type: "b" | "c";
  readonly major: number;
  readonly minor: number;
  readonly access: string;
}

const BITS: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };
const bits = (access: string) => [...access].reduce((all, letter) => all | BITS[letter]!, 0);

/** Runs the part of eBPF that the filter uses, with the verifier's demand that it ends. */
function run(program: Uint8Array, { type, major, minor, access }: Request): boolean {
  const view = new DataView(program.buffer);
  const context = new DataView(new ArrayBuffer(12));
  context.setUint32(0, (bits(access) << 16) | (type === "b" ? 1 : 2), true);
  context.setUint32(4, major, true);
  context.setUint32(8, minor, true);
  const registers = new Array<number>(11).fill(NaN);
  for (let pc = 0; pc < program.length / 8;) {
    const code = view.getUint8(pc * 8);
    const destination = view.getUint8(pc * 8 + 1) & 0xf;
    const offset = view.getInt16(pc * 8 + 2, true);
    const operand = view.getInt32(pc * 8 + 4, true);
    assert.ok(offset >= 0, "no loops");
    pc++;
    const value = registers[destination]!;
    if (code === 0x61) registers[destination] = context.getUint32(offset, true);
    else if (code === 0x54) registers[destination] = (value & operand) >>> 0;
    else if (code === 0x74) registers[destination] = value >>> operand;
    else if (code === 0xb7) registers[destination] = operand;
    else if (code === 0x05) pc += offset;
    else if (code === 0x55) pc += value !== operand ? offset : 0;
    else if (code === 0x45) pc += (value & operand) !== 0 ? offset : 0;
    else if (code === 0x95) return registers[0] === 1;
    else throw new Error(`instruction ${code.toString(16)}`);
  }
  throw new Error("no exit");
}

/** Version 1's meaning: for each kind of access the last rule that speaks of it decides. */
function meaning(rules: readonly OciDeviceRule[], request: Request): boolean {
  return [...request.access].every((letter) => {
    const last = rules.findLast((rule) => {
      const { type = "a", major = -1, minor = -1, access = "rwm" } = rule;
      if (type === "a") return true;
      return type === request.type && (major < 0 || major === request.major) &&
        (minor < 0 || minor === request.minor) && access.includes(letter);
    });
    return last?.allow === true;
  });
}

test("deviceFilter() lets Docker's devices through and no others", () => {
  const rules: OciDeviceRule[] = [
    { allow: false, access: "rwm" },
    { allow: true, type: "c", access: "m" },
    ...DEFAULT_DEVICES.map(({ major, minor }): OciDeviceRule => ({
      allow: true,
      type: "c",
      major: major!,
      minor: minor!,
      access: "rwm",
    })),
    { allow: true, type: "c", major: 136, access: "rwm" },
  ];
  const filter = deviceFilter(rules);
  const may = (type: "b" | "c", major: number, minor: number, access: string) =>
    run(filter, { type, major, minor, access });
  assert.ok(may("c", 1, 3, "rw"));
  assert.ok(may("c", 136, 42, "rw"));
  assert.ok(may("c", 200, 1, "m"));
  assert.ok(!may("c", 200, 1, "r"));
  assert.ok(!may("b", 8, 0, "r"));
  assert.ok(!may("b", 8, 0, "m"));
  assert.ok(!run(deviceFilter([]), { type: "c", major: 1, minor: 3, access: "r" }));
  const all = deviceFilter([{ allow: true, access: "rwm" }]);
  assert.ok(run(all, { type: "b", major: 8, minor: 0, access: "rwm" }));
});

test("deviceFilter() means what version 1 means, for random rules", () => {
  let seed = 7;
  const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
  const pick = <T>(list: readonly T[]): T => list[random(list.length)]!;
  const accesses = ["r", "w", "m", "rw", "rm", "wm", "rwm"];
  for (let round = 0; round < 300; round++) {
    const rules = Array.from({ length: random(8) }, (): OciDeviceRule => ({
      allow: random(2) === 0,
      type: pick(["a", "b", "c", "c"] as const),
      major: pick([-1, 1, 2]),
      minor: pick([-1, 1, 2]),
      access: pick(accesses),
    }));
    const filter = deviceFilter(rules);
    for (let i = 0; i < 40; i++) {
      const request: Request = {
        type: pick(["b", "c"] as const),
        major: pick([1, 2, 3]),
        minor: pick([1, 2, 3]),
        access: pick(accesses),
      };
      const about = `${JSON.stringify(rules)} ${JSON.stringify(request)}`;
      assert.equal(run(filter, request), meaning(rules, request), about);
    }
  }
});
