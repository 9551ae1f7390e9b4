import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { execFileSync, spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { assemble, BINUTILS } from "./assemble.ts";
import { PARAMETERS, TRAMPOLINE } from "./code.ts";

const SOURCE = import.meta.dirname!;

function installed(tool: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((dir) => existsSync(join(dir, tool)));
}

for (const arch of ["x86_64", "aarch64"] as const) {
  const tool = BINUTILS[arch] + "as";
  test(`the embedded ${arch} routine is what the assembler makes of its source`, () => {
    if (!installed(tool)) return console.log(`skipped: ${tool} is not installed`);
    assert.deepEqual({ object: TRAMPOLINE[arch], parameters: PARAMETERS[arch] }, assemble(arch));
  });
}

/**
 * A program that calls the routine as C would and exits with the number of the check that failed.
 * Written once per architecture because it is what the adapters' calling convention is tested with.
 */
const CHECKS = {
  x86_64: `
        .globl _start
_start: and $-16, %rsp
        # 1: ctr_sys returns -errno: close(-1) is -EBADF
        mov $3, %edi; mov $-1, %rsi; sub $8, %rsp; push $0; call ctr_sys; add $16, %rsp
        mov $1, %ebx; cmp $-9, %rax; jne fail
        # 2: ctr_run ends well
        lea good(%rip), %rdi; mov $3, %esi; call ctr_run
        mov $2, %ebx; cmp $-1, %rax; jne fail
        # 3: dup's result went into close by reference, whose zero is not stored, the failure is
        mov $3, %ebx; cmpq $77, good+64+56(%rip); jne fail
        cmpq $-9, good+128+56(%rip); jne fail
        # 10: a positive result jumps, forwards and to the end
        lea jump(%rip), %rdi; mov $4, %esi; call ctr_run
        mov $10, %ebx; cmp $-1, %rax; jne fail
        cmpq $77, jump+64+56(%rip); jne fail
        # 4: ctr_run names the failing entry
        lea bad(%rip), %rdi; mov $2, %esi; call ctr_run
        mov $4, %ebx; cmp $1, %rax; jne fail
        # 5: zero is a failure where the entry says so: read of no bytes
        lea zero(%rip), %rdi; mov $1, %esi; call ctr_run
        mov $5, %ebx; cmp $0, %rax; jne fail
        # 6: a clone runs its table and reports the failing entry
        lea bad(%rip), %rdi; mov $2, %esi; lea args(%rip), %rdx; mov $88, %ecx; lea report(%rip), %r8
        call ctr_clone
        mov $6, %ebx; test %rax, %rax; jle fail
        mov %rax, %rdi; lea status(%rip), %rsi; xor %edx, %edx; xor %r10d, %r10d; mov $61, %eax; syscall
        mov $7, %ebx; cmpl $0x7f00, status(%rip); jne fail
        mov $8, %ebx; cmpq $1, report(%rip); jne fail
        # 9: the first half of a double clone ends with 0
        movq $0, report(%rip)
        lea half(%rip), %rdi; mov $2, %esi; lea args(%rip), %rdx; mov $88, %ecx; lea report(%rip), %r8
        call ctr_clone
        mov %rax, %rdi; lea status(%rip), %rsi; xor %edx, %edx; xor %r10d, %r10d; mov $61, %eax; syscall
        mov $9, %ebx; cmpl $0, status(%rip); jne fail
        xor %ebx, %ebx
fail:   mov %ebx, %edi; mov $231, %eax; syscall
        .data
        .balign 8
        #     number, flags     arguments                          result
good:   .long 32, 0;     .quad 1, 0, 0, 0, 0, 0,                   77
        .long 3, 0x100;  .quad good+56, 0, 0, 0, 0, 0,             77
        .long 3, 1;      .quad -1, 0, 0, 0, 0, 0,                  77
jump:   .long 39, 0x20004; .quad 0, 0, 0, 0, 0, 0,                 77
        .long 3, 0;      .quad -1, 0, 0, 0, 0, 0,                  77
        .long 39, 0x40004; .quad 0, 0, 0, 0, 0, 0,                 77
        .long 3, 0;      .quad -1, 0, 0, 0, 0, 0,                  77
bad:    .long 39, 0;     .quad 0, 0, 0, 0, 0, 0,                   77
        .long 3, 0;      .quad -1, 0, 0, 0, 0, 0,                  77
zero:   .long 0, 2;      .quad 0, 0, 0, 0, 0, 0,                   77
half:   .long 39, 0x20004; .quad 0, 0, 0, 0, 0, 0,                   77
        .long 231, 0;    .quad 55, 0, 0, 0, 0, 0,                  77
args:   .quad 0x4100, 0, 0, 0, 17, stack, 4096, 0, 0, 0, 0
report: .quad -1
status: .quad 0
        .bss
        .balign 16
stack:  .skip 4096
`,
  aarch64: `
        .globl _start
_start: mov x0, #57; mov x1, #-1; bl ctr_sys
        mov w25, #1; cmn x0, #9; b.ne fail
        adr x0, good; mov x1, #3; bl ctr_run
        mov w25, #2; cmn x0, #1; b.ne fail
        mov w25, #3; ldr x1, good+64+56; cmp x1, #77; b.ne fail
        ldr x1, good+128+56; cmn x1, #9; b.ne fail
        adr x0, jump; mov x1, #4; bl ctr_run
        mov w25, #10; cmn x0, #1; b.ne fail
        ldr x1, jump+64+56; cmp x1, #77; b.ne fail
        adr x0, bad; mov x1, #2; bl ctr_run
        mov w25, #4; cmp x0, #1; b.ne fail
        adr x0, zero; mov x1, #1; bl ctr_run
        mov w25, #5; cmp x0, #0; b.ne fail
        adr x0, bad; mov x1, #2; adr x2, args; mov x3, #88; adr x4, report; bl ctr_clone
        mov w25, #6; cmn x0, #38; b.eq done             // qemu-user has no clone3
        cmp x0, #0; b.le fail
        adr x1, status; mov x2, #0; mov x3, #0; mov x8, #260; svc #0
        mov w25, #7; ldr w1, status; mov w2, #0x7f00; cmp w1, w2; b.ne fail
        mov w25, #8; ldr x1, report; cmp x1, #1; b.ne fail
        adr x0, half; mov x1, #2; adr x2, args; mov x3, #88; adr x4, report; bl ctr_clone
        adr x1, status; mov x2, #0; mov x3, #0; mov x8, #260; svc #0
        mov w25, #9; ldr w1, status; cbnz w1, fail
done:   mov w25, #0
fail:   mov w0, w25; mov x8, #94; svc #0
        .balign 8
good:   .word 23, 0;     .quad 1, 0, 0, 0, 0, 0,                   77
        .word 57, 0x100; .quad good+56, 0, 0, 0, 0, 0,             77
        .word 57, 1;     .quad -1, 0, 0, 0, 0, 0,                  77
jump:   .word 172, 0x20004; .quad 0, 0, 0, 0, 0, 0,                77
        .word 57, 0;     .quad -1, 0, 0, 0, 0, 0,                  77
        .word 172, 0x40004; .quad 0, 0, 0, 0, 0, 0,                77
        .word 57, 0;     .quad -1, 0, 0, 0, 0, 0,                  77
bad:    .word 172, 0;    .quad 0, 0, 0, 0, 0, 0,                   77
        .word 57, 0;     .quad -1, 0, 0, 0, 0, 0,                  77
zero:   .word 63, 2;     .quad 0, 0, 0, 0, 0, 0,                   77
half:   .word 172, 0x20004; .quad 0, 0, 0, 0, 0, 0,                   77
        .word 94, 0;     .quad 55, 0, 0, 0, 0, 0,                  77
args:   .quad 0x4100, 0, 0, 0, 17, stack, 4096, 0, 0, 0, 0
report: .quad -1
status: .quad 0
        .balign 16
stack:  .skip 4096
`,
} as const;

/** Link the routine and its checks into a static program and run it, under an emulator if need be. */
function runChecks(arch: "x86_64" | "aarch64", emulator: readonly string[]): number | null {
  const dir = mkdtempSync(join(tmpdir(), "ctr-trampoline-test-"));
  try {
    writeFileSync(`${dir}/checks.S`, CHECKS[arch].replaceAll(/; /g, "\n"));
    for (const [name, source] of [["a", `${SOURCE}/${arch}.S`], ["b", `${dir}/checks.S`]]) {
      execFileSync(BINUTILS[arch] + "as", [source!, "-o", `${dir}/${name}.o`]);
    }
    // Writable code, because the aarch64 checks keep their tables near it; a test may.
    const flags = ["-N", "-static", "-o", `${dir}/checks`, `${dir}/a.o`, `${dir}/b.o`];
    execFileSync(BINUTILS[arch] + "ld", flags, { stdio: "pipe" });
    const [file, ...args] = [...emulator, `${dir}/checks`];
    return spawnSync(file!, args, { stdio: ["pipe", "inherit", "inherit"] }).status;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

test("the x86_64 routine passes arguments, references, failures and children", () => {
  if (process.arch !== "x64") return console.log(`skipped: this machine is ${process.arch}`);
  if (!installed(BINUTILS.x86_64 + "ld")) return console.log("skipped: ld is not installed");
  assert.equal(runChecks("x86_64", []), 0, "the number of the failed check");
});

test("the aarch64 routine passes arguments, references and failures", () => {
  const emulator = process.arch === "arm64" ? [] : ["qemu-aarch64-static"];
  for (const tool of [BINUTILS.aarch64 + "ld", ...emulator]) {
    if (!installed(tool)) return console.log(`skipped: ${tool} is not installed`);
  }
  assert.equal(runChecks("aarch64", emulator), 0, "the number of the failed check");
});
