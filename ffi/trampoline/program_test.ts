import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { PARAMETERS, TRAMPOLINE } from "./code.ts";

const ADDRESS = 0x6000_0000_0000;
const [SIZE, REPORT] = [4096, 1024];
const NUMBERS = {
  x86_64: { close: 3, exit_group: 231 },
  aarch64: { close: 57, exit_group: 94 },
} as const;

/** Execute the routine with a table of two calls, of which it shall begin with the second. */
function execute(
  arch: "x86_64" | "aarch64",
  second: readonly [number: number, argument: number],
  descriptor = 3,
): { status: number | null; report: bigint; result: bigint } | undefined {
  const native = arch === ({ x64: "x86_64", arm64: "aarch64" } as Record<string, string>)[
    process.arch
  ];
  const emulator = native ? [] : [`/usr/bin/qemu-${arch}-static`];
  if (emulator.some((file) => !existsSync(file))) {
    console.log(`skipped: ${emulator} is not installed`);
    return undefined;
  }
  const dir = mkdtempSync(join(tmpdir(), "ctr-trampoline-program-"));
  try {
    const object = Buffer.from(TRAMPOLINE[arch], "base64");
    const words = [ADDRESS, SIZE, descriptor, 1, 2, ADDRESS + REPORT];
    words.forEach((word, n) => object.writeBigInt64LE(BigInt(word), PARAMETERS[arch] + n * 8));
    writeFileSync(join(dir, "program"), object, { mode: 0o755 });
    const table = Buffer.alloc(SIZE);
    const first = [NUMBERS[arch].exit_group, 99] as const;
    [first, second].forEach(([number, argument], entry) => {
      table.writeUInt32LE(number, entry * 64);
      table.writeBigInt64LE(BigInt(argument), entry * 64 + 8);
    });
    table.writeBigInt64LE(-1n, REPORT);
    writeFileSync(join(dir, "table"), table);
    const fd = openSync(join(dir, "table"), "r+");
    const [file, ...args] = [...emulator, join(dir, "program")];
    const { status } = spawnSync(file!, args, { stdio: ["ignore", "inherit", "inherit", fd] });
    closeSync(fd);
    const after = readFileSync(join(dir, "table"));
    return {
      status,
      report: after.readBigInt64LE(REPORT),
      result: after.readBigInt64LE(64 + 56),
    };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

for (const arch of ["x86_64", "aarch64"] as const) {
  const { close, exit_group } = NUMBERS[arch];

  test(`the ${arch} program runs the table that it finds, from the entry it is told`, () => {
    const ran = execute(arch, [exit_group, 42]);
    if (ran !== undefined) assert.deepEqual(ran, { status: 42, report: -1n, result: 0n });
  });

  test(`the ${arch} program reports a failure and its result in the table`, () => {
    const ran = execute(arch, [close, -1]);
    if (ran !== undefined) assert.deepEqual(ran, { status: 127, report: 1n, result: -9n });
  });

  test(`the ${arch} program does nothing without a table`, () => {
    const ran = execute(arch, [exit_group, 42], 9);
    if (ran !== undefined) assert.deepEqual(ran, { status: 127, report: -1n, result: 0n });
  });
}
