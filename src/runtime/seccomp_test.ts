import assert from "node:assert/strict";
import { test } from "node:test";
import { SYSCALLS_AARCH64, SYSCALLS_X86_64 } from "../linux/mod.ts";
import type { OciSeccomp, OciSeccompAction, OciSeccompArg, OciSeccompRule } from "../oci/mod.ts";
import { runFilter, type SeccompData } from "./_bpf_interpreter.ts";
import { DEFAULT_CAPABILITIES } from "./default_spec.ts";
import { AUDIT_ARCH, compileSeccomp, X32_BIT } from "./seccomp.ts";
import { compileFor, seccompArches } from "./seccomp_arches.ts";
import { defaultSeccomp } from "./seccomp_profile.ts";
import { armNumbers, i386Numbers, x32Numbers } from "./syscalls_32.ts";

const ALLOW = 0x7fff0000;
const EPERM = 0x00050001;
const ENOSYS = 0x00050026;
const { x86_64, i386, aarch64, arm } = AUDIT_ARCH;
const NR = SYSCALLS_X86_64;

const defaults = defaultSeccomp(DEFAULT_CAPABILITIES, "x86_64");
const filter = compileFor("x86_64", defaults);
const x86 = (nr: number, ...args: (number | bigint)[]) =>
  runFilter(filter, { arch: x86_64, nr, args });

test("the default profile allows what programs use and refuses what only hosts need", () => {
  for (const name of ["read", "openat", "execve", "fork", "ptrace", "chroot", "seccomp"] as const) {
    assert.equal(x86(NR[name]), ALLOW, name);
  }
  const refused = [
    ...["mount", "umount2", "unshare", "setns", "bpf", "reboot", "swapon", "kexec_load"],
    ...["init_module", "keyctl", "add_key", "userfaultfd", "io_uring_setup", "perf_event_open"],
    ...["open_by_handle_at", "pivot_root", "move_mount", "fsopen", "settimeofday", "iopl", "acct"],
  ] as const;
  for (const name of refused) assert.equal(x86(NR[name as keyof typeof NR]), EPERM, name);
});

test("the default profile looks at arguments", () => {
  const CLONE_NEWUSER = 0x10000000;
  assert.equal(x86(NR.clone, 0x00010f00), ALLOW);
  assert.equal(x86(NR.clone, 0x00010f00 | CLONE_NEWUSER), EPERM);
  assert.equal(x86(NR.clone3), ENOSYS);
  assert.equal(x86(NR.personality, 0), ALLOW);
  assert.equal(x86(NR.personality, 0xffffffff), ALLOW);
  assert.equal(x86(NR.personality, 0x0040000), EPERM); // ADDR_NO_RANDOMIZE
  for (const family of [1, 2, 10, 11, 16, 17, 31, 44]) {
    assert.equal(x86(NR.socket, family), ALLOW, `family ${family}`);
  }
  for (const family of [12, 38, 40, 46, 0xffffffff]) {
    assert.equal(x86(NR.socket, family), EPERM, `family ${family}`);
  }
  // Only the low word of a family counts in the kernel; the filter takes no risk with the high one.
  assert.equal(x86(NR.socket, 0x1_0000_0001n), EPERM);
});

test("capabilities open their system calls", () => {
  const admin = compileFor(
    "x86_64",
    defaultSeccomp([...DEFAULT_CAPABILITIES, "CAP_SYS_ADMIN"], "x86_64"),
  );
  for (const name of ["mount", "unshare", "clone3", "setns", "bpf"] as const) {
    assert.equal(runFilter(admin, { arch: x86_64, nr: NR[name] }), ALLOW, name);
  }
  assert.equal(runFilter(admin, { arch: x86_64, nr: NR.clone, args: [0x7e020000] }), ALLOW);
  assert.equal(runFilter(admin, { arch: x86_64, nr: NR.reboot }), EPERM);
  const none = compileFor("x86_64", defaultSeccomp([], "x86_64"));
  assert.equal(runFilter(none, { arch: x86_64, nr: NR.chroot }), EPERM);
});

test("numbers beyond the profile's are unknown, not forbidden", () => {
  assert.equal(x86(1000), ENOSYS);
  assert.equal(x86(0x3fffffff), ENOSYS);
  assert.equal(x86(NR.keyctl), EPERM);
});

test("32-bit programs of the machine are filtered by their own numbers", () => {
  const n386 = i386Numbers();
  const on386 = (nr: number, ...args: number[]) => runFilter(filter, { arch: i386, nr, args });
  assert.equal(on386(n386["execve"]!), ALLOW);
  assert.equal(on386(n386["mmap2"]!), ALLOW);
  assert.equal(on386(n386["mount"]!), EPERM);
  assert.equal(on386(n386["clone"]!, 0x10000000), EPERM);
  assert.equal(on386(n386["clone3"]!), ENOSYS);
  const x32 = x32Numbers(NR);
  assert.equal(x86(x32["execve"]! + X32_BIT), ALLOW);
  assert.equal(x32["execve"], 520);
  assert.equal(x86(NR.mount + X32_BIT), EPERM);
  assert.equal(runFilter(filter, { arch: aarch64, nr: 0 }), ENOSYS);

  const onArm = compileFor("aarch64", defaultSeccomp(DEFAULT_CAPABILITIES, "aarch64"));
  assert.equal(runFilter(onArm, { arch: aarch64, nr: SYSCALLS_AARCH64.execve }), ALLOW);
  assert.equal(runFilter(onArm, { arch: aarch64, nr: SYSCALLS_AARCH64.mount }), EPERM);
  assert.equal(runFilter(onArm, { arch: arm, nr: armNumbers()["execve"]! }), ALLOW);
  assert.equal(runFilter(onArm, { arch: arm, nr: armNumbers()["mount"]! }), EPERM);
  const SET_TLS = 0xf0005;
  assert.equal(runFilter(onArm, { arch: arm, nr: SET_TLS }), ALLOW);
  assert.equal(runFilter(onArm, { arch: arm, nr: 0xf0003 }), EPERM);
});

test("a profile that allows by default cannot be evaded through another architecture", () => {
  const profile: OciSeccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["ptrace"], action: "SCMP_ACT_ERRNO", errnoRet: 1 }],
  };
  const compiled = compileFor("x86_64", profile);
  assert.equal(runFilter(compiled, { arch: x86_64, nr: NR.ptrace }), EPERM);
  assert.equal(runFilter(compiled, { arch: x86_64, nr: 5000 }), ALLOW);
  assert.equal(runFilter(compiled, { arch: x86_64, nr: NR.ptrace + X32_BIT }), ENOSYS);
  assert.equal(runFilter(compiled, { arch: x86_64, nr: 521 + X32_BIT }), ENOSYS);
  assert.equal(runFilter(compiled, { arch: i386, nr: 26 }), ENOSYS);
});

test("every action has its verdict, and unknown ones are refused", () => {
  const one = (action: OciSeccompAction, errnoRet?: number) => {
    const rule: OciSeccompRule = { names: ["read"], action, ...errnoRet ? { errnoRet } : {} };
    const profile: OciSeccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [rule] };
    return runFilter(compileFor("x86_64", profile), { arch: x86_64, nr: NR.read });
  };
  assert.equal(one("SCMP_ACT_KILL"), 0);
  assert.equal(one("SCMP_ACT_KILL_THREAD"), 0);
  assert.equal(one("SCMP_ACT_KILL_PROCESS"), 0x80000000);
  assert.equal(one("SCMP_ACT_TRAP"), 0x00030000);
  assert.equal(one("SCMP_ACT_ERRNO"), EPERM);
  assert.equal(one("SCMP_ACT_ERRNO", 13), 0x0005000d);
  assert.equal(one("SCMP_ACT_TRACE", 7), 0x7ff00007);
  assert.equal(one("SCMP_ACT_LOG"), 0x7ffc0000);
  assert.equal(one("SCMP_ACT_NOTIFY"), 0x7fc00000);
  assert.throws(() => one("SCMP_ACT_TRAP", 5), /"SCMP_ACT_TRAP": it does not return an errno$/);
  assert.throws(() => one("SCMP_ACT_NONSENSE" as OciSeccompAction), { code: "invalid_argument" });
});

test("a profile that cannot be is refused", () => {
  const refused = (profile: Partial<OciSeccomp>, reason: RegExp) =>
    assert.throws(
      () => compileFor("x86_64", { defaultAction: "SCMP_ACT_ALLOW", ...profile }),
      (error: Error & { code?: string }) =>
        error.code === "invalid_argument" && reason.test(error.message),
    );
  refused({ defaultAction: "SCMP_ACT_NOTIFY" }, /it cannot be used as default action$/);
  refused({ architectures: ["SCMP_ARCH_VAX"] }, /"SCMP_ARCH_VAX": there is no such architecture$/);
  const arg = (arg: object) => ({
    syscalls: [{
      names: ["read"],
      action: "SCMP_ACT_ERRNO" as const,
      args: [{ index: 0, value: 0, op: "SCMP_CMP_EQ", ...arg } as OciSeccompArg],
    }],
  });
  refused(arg({ index: 6 }), /"6": system calls have the arguments 0 to 5$/);
  refused(arg({ op: "SCMP_CMP_X" }), /there is no such comparison$/);
  refused(arg({ value: "18446744073709551616" }), /it has no 64 bits$/);
  refused(arg({ value: "-1" }), /it has no 64 bits$/);
  compileFor("x86_64", {
    defaultAction: "SCMP_ACT_ALLOW",
    architectures: ["SCMP_ARCH_S390X"],
    syscalls: [{ names: ["no_such_call"], action: "SCMP_ACT_ERRNO" }],
  });
});

test("numbers that JSON cannot hold exactly are refused, but for the largest", () => {
  const value = (value: number) =>
    compileFor("x86_64", {
      defaultAction: "SCMP_ACT_ERRNO",
      syscalls: [{
        names: ["read"],
        action: "SCMP_ACT_ALLOW",
        args: [{ index: 0, value, op: "SCMP_CMP_EQ" }],
      }],
    });
  const all = value(18446744073709551615);
  const read = (arg: bigint) => runFilter(all, { arch: x86_64, nr: NR.read, args: [arg] });
  assert.equal(read(0xffffffffffffffffn), ALLOW);
  assert.equal(read(0n), EPERM);
  assert.throws(() => value(2 ** 63), { code: "invalid_argument" });
  assert.throws(() => value(-1), { code: "invalid_argument" });
});

/** What the rules say, read one after the other: the meaning that the compiled code must have. */
function meaning(profile: OciSeccomp, name: string, args: readonly bigint[]): number {
  const fallback = profile.defaultAction === "SCMP_ACT_ALLOW" ? ALLOW : EPERM;
  const rules = (profile.syscalls ?? []).filter((rule) => rule.names.includes(name))
    .map((rule) => ({ ...rule, ret: rule.action === "SCMP_ACT_ALLOW" ? ALLOW : EPERM }))
    .filter(({ ret }) => ret !== fallback);
  const plain = rules.find((rule) => (rule.args ?? []).length === 0);
  if (plain !== undefined) return plain.ret;
  const holds = ({ index, op, value, valueTwo = 0 }: OciSeccompArg) => {
    const [a, b] = [args[index]!, BigInt(value)];
    switch (op) {
      case "SCMP_CMP_NE":
        return a !== b;
      case "SCMP_CMP_EQ":
        return a === b;
      case "SCMP_CMP_LT":
        return a < b;
      case "SCMP_CMP_LE":
        return a <= b;
      case "SCMP_CMP_GT":
        return a > b;
      case "SCMP_CMP_GE":
        return a >= b;
      case "SCMP_CMP_MASKED_EQ":
        return (a & b) === BigInt(valueTwo);
    }
  };
  for (const { args: conditions = [], ret } of rules) {
    const alternatives = new Set(conditions.map(({ index }) => index)).size < conditions.length;
    if (alternatives ? conditions.some(holds) : conditions.every(holds)) return ret;
  }
  return fallback;
}

test("compileSeccomp() means what the rules say, for random profiles", () => {
  let seed = 12345;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % below;
  };
  const pick = <T>(list: readonly T[]): T => list[random(list.length)]!;
  const names = Object.keys(NR) as (keyof typeof NR)[];
  const large = ["18446744073709551614", "9223372036854775809", "18446744069414584320"];
  const values = [0, 1, 2, 0xffffffff, 0x100000000, 0x100000001, 0x7e020000, 2 ** 52, ...large];
  const ops = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"] as const;
  for (let round = 0; round < 60; round++) {
    const used = Array.from({ length: 1 + random(120) }, () => pick(names));
    const syscalls = Array.from({ length: 1 + random(40) }, (): OciSeccompRule => ({
      names: Array.from({ length: 1 + random(8) }, () => pick(used)),
      action: random(4) === 0 ? "SCMP_ACT_ERRNO" : "SCMP_ACT_ALLOW",
      args: Array.from({ length: random(3) }, (): OciSeccompArg => ({
        index: random(3),
        value: pick(values),
        valueTwo: pick(values),
        op: `SCMP_CMP_${pick(ops)}`,
      })),
    }));
    const profile: OciSeccomp = {
      defaultAction: random(2) === 0 ? "SCMP_ACT_ERRNO" : "SCMP_ACT_ALLOW",
      syscalls,
    };
    const compiled = compileSeccomp(profile, seccompArches("x86_64"));
    const named = syscalls.filter(({ action }) => action !== profile.defaultAction)
      .flatMap((rule) => rule.names.map((name) => NR[name as keyof typeof NR]));
    for (let i = 0; i < 300; i++) {
      const name = pick(random(3) === 0 ? names : used);
      const args = [pick(values), pick(values), pick(values)].map(BigInt);
      const data: SeccompData = { arch: x86_64, nr: NR[name], args };
      const expected = NR[name] > Math.max(-1, ...named)
        ? profile.defaultAction === "SCMP_ACT_ALLOW" ? ALLOW : ENOSYS
        : meaning(profile, name, args);
      assert.equal(runFilter(compiled, data), expected, `round ${round}: ${name}(${args})`);
    }
  }
});
