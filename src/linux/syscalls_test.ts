import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { ERRNO, errnoName, SYSCALLS_AARCH64, SYSCALLS_X86_64 } from "./mod.ts";

const X86_64_HEADER = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h";
const GENERIC_HEADER = "/usr/include/asm-generic/unistd.h";

test("the x86-64 numbers are those of the kernel's header", () => {
  if (!existsSync(X86_64_HEADER)) return console.log(`skipped: no ${X86_64_HEADER}`);
  const header = readFileSync(X86_64_HEADER, "utf8");
  const ours: Readonly<Record<string, number>> = SYSCALLS_X86_64;
  let compared = 0;
  for (const [, name, number] of header.matchAll(/#define __NR_(\w+) (\d+)/g)) {
    assert.equal(ours[name!], Number(number), name);
    compared++;
  }
  assert.ok(compared > 300);
});

test("the aarch64 numbers are those of the kernel's generic header", () => {
  if (!existsSync(GENERIC_HEADER)) return console.log(`skipped: no ${GENERIC_HEADER}`);
  const header = readFileSync(GENERIC_HEADER, "utf8");
  const ours: Readonly<Record<string, number>> = SYSCALLS_AARCH64;
  // Calls whose 32-bit form has another name; this architecture has the plain one.
  const renamed: Readonly<Record<string, string>> = { fstatat: "newfstatat" };
  let compared = 0;
  for (const [, wide, name, number] of header.matchAll(/#define __NR(3264)?_(\w+)\s+(\d+)/g)) {
    if (["syscalls", "arch_specific_syscall", "sync_file_range2"].includes(name!)) continue;
    // 32-bit only: *_time64, and the renumbered old calls.
    if (/time64$|^(clock_\w+|timer\w*|pselect6|ppoll|recvmmsg|futex)64$/.test(name!)) continue;
    const key = wide === undefined ? name! : renamed[name!] ?? name!;
    if (ours[key] === undefined && Number(number) > 402 && Number(number) < 424) continue;
    assert.equal(ours[key], Number(number), key);
    compared++;
  }
  assert.ok(compared > 250);
});

test("no two system calls of an architecture share a number", () => {
  for (const table of [SYSCALLS_X86_64, SYSCALLS_AARCH64]) {
    const numbers: number[] = Object.values(table);
    assert.equal(new Set(numbers).size, numbers.length);
  }
});

test("errnoName() names the numbers and keeps those without a name", () => {
  assert.equal(errnoName(2), "ENOENT");
  assert.equal(errnoName(11), "EAGAIN");
  assert.equal(errnoName(512), "512");
  for (const [name, number] of Object.entries(ERRNO)) assert.equal(errnoName(number), name);
});
