import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { test } from "node:test";
import { Arena } from "./arena.ts";
import { encode, type Encoded, resultOf } from "./encode.ts";
import { close, ProgramBuilder, run, strings, SYS } from "./mod.ts";

/** The 64-bit word at an offset of the arena. */
const word = ({ arena }: Encoded, offset: number) => arena.get(offset);

/** The NUL-terminated string at an address. */
function text({ arena }: Encoded, address: number): string {
  const from = address - arena.address;
  return new TextDecoder().decode(arena.bytes.subarray(from, arena.bytes.indexOf(0, from)));
}

test("encode() writes number, flags, arguments and room for the result", () => {
  const p = new ProgramBuilder("test");
  p.step("openat", [-100, "/a", 0o2000000, 0x1_2345_6789], { mayFail: true });
  p.step("read", [3, 0xffffffff], { zeroFails: true, exitIfPositive: true });
  const encoded = encode([p.steps]);
  const { words, address } = encoded.arena;
  assert.equal(encoded.entries, 2);
  assert.equal(words[0], SYS.openat);
  assert.equal(words[1], 1);
  assert.equal(word(encoded, 8), -100);
  assert.equal(text(encoded, word(encoded, 16)), "/a");
  assert.equal(word(encoded, 24), 0o2000000);
  assert.equal(word(encoded, 32), 0x1_2345_6789);
  assert.equal(word(encoded, 40), 0);
  assert.equal(words[16], SYS.read);
  assert.equal(words[17], 2 | 4 | (2 << 16)); // to the end
  assert.equal(word(encoded, 64 + 16), 0xffffffff);
  encoded.arena.put(64 + 56, -2);
  assert.equal(resultOf(encoded, 1), -2);
  assert.equal(address % 4096, 0);
  encoded.arena.free();
});

test("encode() points a reference to the result of the step it names", () => {
  const before = new ProgramBuilder("before");
  before.step("getpid", []);
  const p = new ProgramBuilder("test");
  const fd = p.step("dup", [1]);
  p.step("dup3", [fd, 9, fd]);
  for (const [shift, steps] of [[0, []], [1, before.steps]] as const) {
    const encoded = encode([steps, p.steps]);
    const entry = 64 * (1 + shift);
    assert.equal(encoded.arena.words[entry / 4 + 1], 0x100 | 0x400);
    assert.equal(word(encoded, entry + 8), encoded.arena.address + 64 * shift + 56);
    assert.equal(word(encoded, entry + 16), 9);
    assert.equal(word(encoded, entry + 24), encoded.arena.address + 64 * shift + 56);
    encoded.arena.free();
  }
});

test("encode() refuses a reference to a step that has not run", () => {
  const p = new ProgramBuilder("test");
  p.step("close", [{ step: 0 }]);
  assert.throws(() => encode([p.steps]), /step 0 refers to step 0/);
});

test("encode() refuses a NUL inside any string", () => {
  for (const arg of ["a\0b", strings(["ok", "a\0b"])]) {
    const p = new ProgramBuilder("test");
    p.step("chdir", [arg]);
    assert.throws(() => encode([p.steps]), /"a\\u0000b" contains a NUL/);
  }
});

test("encode() keeps strings apart that are not ASCII, empty or unpaired surrogates", () => {
  const list = ["", "/ä", "plain", "日本", "\ud800", "😀", "end"];
  const p = new ProgramBuilder("test");
  for (const path of list) p.step("chdir", [path]);
  p.step("execve", [list[1]!, strings(list), strings([])]);
  const encoded = encode([p.steps]);
  const shown = list.map((path) => path.replace("\ud800", "\ufffd"));
  list.forEach((_, i) => assert.equal(text(encoded, word(encoded, i * 64 + 8)), shown[i]));
  const argv = word(encoded, list.length * 64 + 16) - encoded.arena.address;
  const pointers = list.map((_, i) => word(encoded, argv + i * 8));
  assert.deepEqual(pointers.map((pointer) => text(encoded, pointer)), shown);
  assert.equal(word(encoded, argv + list.length * 8), 0);
  encoded.arena.free();
});

test("encode() follows memory that points to memory", () => {
  const inner = new Uint8Array([1, 2, 3]);
  const iovec = { bytes: new Uint8Array(16), pointers: [{ offset: 0, to: inner }] };
  iovec.bytes[8] = 3;
  const header = new Uint8Array(56);
  header[24] = 1;
  const p = new ProgramBuilder("test");
  p.step("sendmsg", [5, { bytes: header, pointers: [{ offset: 16, to: iovec }] }, 0]);
  const encoded = encode([p.steps]);
  const at = (address: number) => address - encoded.arena.address;
  const message = at(word(encoded, 16));
  const vector = at(word(encoded, message + 16));
  const data = at(word(encoded, vector));
  assert.equal(word(encoded, message + 24), 1);
  assert.equal(word(encoded, vector + 8), 3);
  assert.deepEqual(encoded.arena.bytes.slice(data, data + 3), inner);
  encoded.arena.free();
});

test("encode() uses scratch memory where the program fits, and leaves room for the caller", () => {
  const scratch = new Arena(4096);
  const small = new ProgramBuilder("small");
  small.step("getpid", []);
  assert.equal(encode([small.steps], { scratch }).arena, scratch);
  const large = new ProgramBuilder("large");
  large.step("chdir", ["x".repeat(5000)]);
  const encoded = encode([large.steps], { scratch, extra: 8192 });
  assert.notEqual(encoded.arena, scratch);
  encoded.arena.take(8192);
  encoded.arena.free();
  scratch.free();
});

test("run() gives the same results again and again in the memory it keeps", () => {
  for (let round = 0; round < 300; round++) {
    const p = new ProgramBuilder("test");
    const pid = p.step("getpid", []);
    for (let i = 0; i < round % 50; i++) {
      p.step("faccessat", [-100, `/no/${i}`, 0], { mayFail: true });
    }
    const last = p.step("kill", [pid, 0]);
    const result = run(p);
    assert.equal(result(pid), process.pid);
    assert.equal(result(last), 0);
  }
});

test("encode() hands on what an earlier step wrote, from memory that both share", () => {
  const p = new ProgramBuilder("test");
  const status = new Uint8Array(256);
  const fd = p.step("memfd_create", ["mode", 0]);
  p.step("fchmod", [fd, 0o1641]);
  p.step("statx", [fd, "", 0x1000, 2, status]);
  const other = p.step("memfd_create", ["other", 0]);
  p.step("fchmod", [other, { from: status, at: 28 }]);
  const results = run(p);
  assert.equal(statSync(`/proc/self/fd/${results(other)}`).mode & 0o7777, 0o1641);
  for (const file of [fd, other]) close(results(file));
});
