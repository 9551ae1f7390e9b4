import assert from "node:assert/strict";
import { test } from "node:test";
import { sharedObject } from "./elf.ts";

const code = new Uint8Array(20).fill(0xcc);
const symbols = [{ name: "first", offset: 0 }, { name: "second", offset: 16 }];

for (const arch of ["x86_64", "aarch64"] as const) {
  const object = sharedObject(arch, code, symbols);
  const view = new DataView(object.buffer, object.byteOffset);
  const u64 = (at: number) => Number(view.getBigUint64(at, true));
  const segments = Array.from({ length: view.getUint16(56, true) }, (_, index) => {
    const at = 64 + index * 56;
    return {
      type: view.getUint32(at, true),
      flags: view.getUint32(at + 4, true),
      offset: u64(at + 8),
      address: u64(at + 16),
      size: u64(at + 32),
      align: u64(at + 48),
    };
  });

  test(`sharedObject() makes no ${arch} segment writable and executable`, () => {
    assert.deepEqual(segments.map(({ flags }) => flags), [5, 6, 6, 6]);
    assert.equal(
      segments[3]!.type,
      0x6474e551,
      "PT_GNU_STACK: else the loader wants an executable one",
    );
  });

  test(`sharedObject() keeps the ${arch} segments congruent and on different pages`, () => {
    for (const { type, offset, address, align } of segments) {
      if (type === 1) assert.equal(offset % align, address % align);
    }
    const [text, data] = segments;
    assert.ok(data!.address - (text!.address + text!.size) >= 0x10000 - 4096);
    assert.ok(data!.offset + data!.size <= object.length);
    assert.ok(object.length < 4096, "one page of the memfd");
  });

  test(`sharedObject() finds each ${arch} symbol through the hash chain`, () => {
    const dynamic = new Map<number, number>();
    const { offset, size } = segments[2]!;
    for (let at = offset; at < offset + size; at += 16) dynamic.set(u64(at), u64(at + 8));
    const [hash, strings, table] = [dynamic.get(4)!, dynamic.get(5)!, dynamic.get(6)!];
    assert.equal(view.getUint32(hash, true), 1, "one bucket");
    const found: Record<string, number> = {};
    let index = view.getUint32(hash + 8, true);
    while (index !== 0) {
      const at = table + index * 24;
      const start = strings + view.getUint32(at, true);
      const name = new TextDecoder().decode(object.subarray(start, object.indexOf(0, start)));
      found[name] = u64(at + 8);
      assert.notEqual(view.getUint16(at + 6, true), 0, "defined");
      index = view.getUint32(hash + 12 + index * 4, true);
    }
    assert.equal(found.second! - found.first!, 16);
    assert.deepEqual(object.subarray(found.first, found.first! + code.length), code);
  });
}
