/**
 * Compiles a seccomp profile to classic BPF: per architecture a balanced search over ranges of system
 * call numbers, with argument conditions at its leaves.
 *
 * The verdicts are those that runc reaches with libseccomp. A rule without conditions wins over those
 * with; among these the first that matches counts. Numbers above the highest that the profile names
 * get ENOSYS, so that a C library tries an older call where EPERM would be an error. Calls of an
 * architecture that the profile does not list get ENOSYS too.
 *
 * @see https://man7.org/linux/man-pages/man2/seccomp.2.html
 * @module
 */

import type { OciSeccomp, OciSeccompAction, OciSeccompArg, OciSeccompRule } from "../oci/mod.ts";
import { CtrError } from "../errors.ts";
import { BpfWriter, JEQ, JGE, JGT, type Place } from "./bpf_writer.ts";

/** System call numbers by name. */
export type SyscallNumbers = Readonly<Record<string, number>>;

/** One way to make system calls on a machine, and its numbers. */
export interface SeccompArch {
  /** `AUDIT_ARCH_*`. */
  readonly audit: number;
  readonly numbers: SyscallNumbers;
  /** Added to every number: x32 shares its audit architecture with x86-64. */
  readonly base?: number;
}

export const AUDIT_ARCH = {
  x86_64: 0xc000003e,
  i386: 0x40000003,
  aarch64: 0xc00000b7,
  arm: 0x40000028,
} as const;
/** The bit that marks a number as x32's. */
export const X32_BIT = 0x40000000;

const ENOSYS = 38;

/** What becomes of one system call: conditional rules in order, then the verdict without conditions. */
interface Decision {
  readonly rules: { readonly args: readonly OciSeccompArg[]; readonly ret: number }[];
  otherwise: number | undefined;
}

/** Where a number's verdict begins to apply: up to the next range. */
interface Range {
  readonly first: number;
  readonly decision: Decision | number;
}

/**
 * Compile a profile.
 *
 * @param arches native first; names that an architecture does not have are ignored, as in runc
 * @returns `struct sock_filter` entries, 8 bytes each
 * @throws {CtrError} `invalid_argument` for an unknown action or comparison, or one that makes no sense
 */
export function compileSeccomp(profile: OciSeccomp, arches: readonly SeccompArch[]): Uint8Array {
  if (profile.defaultAction === "SCMP_ACT_NOTIFY") {
    throw profileError(profile.defaultAction, "it cannot be used as default action");
  }
  const code = new BpfWriter();
  const foreign = code.ret(verdict("SCMP_ACT_ERRNO", ENOSYS));
  const fallback = verdict(profile.defaultAction, profile.defaultErrnoRet);
  const allows = ["SCMP_ACT_ALLOW", "SCMP_ACT_LOG"].includes(profile.defaultAction);
  const unknown = allows ? fallback : verdict("SCMP_ACT_ERRNO", ENOSYS);
  // Code comes out back to front, so the last architecture to be asked for is made first.
  let next = foreign;
  for (const audit of new Set(arches.map((arch) => arch.audit).reverse())) {
    const ranges: Range[] = [];
    const same = arches.filter((arch) => arch.audit === audit)
      .sort((a, b) => (a.base ?? 0) - (b.base ?? 0));
    for (const { numbers, base = 0 } of same) {
      appendRanges(ranges, profile, { numbers, base, fallback, unknown });
    }
    if (audit === AUDIT_ARCH.x86_64 && !same.some(({ base }) => base === X32_BIT)) {
      ranges.push({ first: X32_BIT, decision: verdict("SCMP_ACT_ERRNO", ENOSYS) });
    }
    const tree = search({ code, ranges, fallback }, 0, ranges.length);
    next = code.compare(JEQ, audit, code.load(0, tree), next);
  }
  code.load(4, next);
  return code.bytes();
}

function appendRanges(
  ranges: Range[],
  profile: OciSeccomp,
  { numbers, base, fallback, unknown }: {
    readonly numbers: SyscallNumbers;
    readonly base: number;
    readonly fallback: number;
    readonly unknown: number;
  },
): void {
  const decisions: (Decision | undefined)[] = [];
  for (const rule of profile.syscalls ?? []) addRule(decisions, rule, numbers, fallback);
  const highest = decisions.length - 1;
  for (let number = 0; number <= highest + 1; number++) {
    const found = decisions[number];
    const decision = number > highest
      ? unknown
      : found === undefined
      ? fallback
      : found.otherwise !== undefined
      ? found.otherwise
      : found;
    const last = ranges[ranges.length - 1];
    if (last === undefined || last.decision !== decision) {
      ranges.push({ first: number + base, decision });
    }
  }
}

function addRule(
  decisions: (Decision | undefined)[],
  rule: OciSeccompRule,
  numbers: SyscallNumbers,
  fallback: number,
): void {
  const ret = verdict(rule.action, rule.errnoRet);
  if (ret === fallback) return; // as in runc: it says nothing new, and wins over nothing
  const { args = [] } = rule;
  const perArgument = new Set(args.map(({ index }) => index)).size < args.length;
  for (const name of rule.names) {
    const number = numbers[name];
    if (number === undefined) continue;
    const decision = decisions[number] ??= { rules: [], otherwise: undefined };
    if (args.length === 0) decision.otherwise ??= ret;
    // Two conditions on one argument are alternatives: libseccomp cannot say "and" there.
    else if (perArgument) { for (const arg of args) decision.rules.push({ args: [arg], ret }); }
    else decision.rules.push({ args, ret });
  }
}

function verdict(action: OciSeccompAction, errnoRet?: number): number {
  const errno = errnoRet ?? 1;
  if (errnoRet !== undefined && !["SCMP_ACT_ERRNO", "SCMP_ACT_TRACE"].includes(action)) {
    throw profileError(action, "it does not return an errno");
  }
  switch (action) {
    case "SCMP_ACT_ALLOW":
      return 0x7fff0000;
    case "SCMP_ACT_ERRNO":
      return 0x00050000 | (errno & 0xffff);
    case "SCMP_ACT_LOG":
      return 0x7ffc0000;
    case "SCMP_ACT_TRACE":
      return 0x7ff00000 | (errno & 0xffff);
    case "SCMP_ACT_TRAP":
      return 0x00030000;
    case "SCMP_ACT_KILL":
    case "SCMP_ACT_KILL_THREAD":
      return 0;
    case "SCMP_ACT_KILL_PROCESS":
      return 0x80000000;
    case "SCMP_ACT_NOTIFY":
      return 0x7fc00000;
    default:
      throw profileError(action, "there is no such seccomp action");
  }
}

function profileError(subject: string, reason: string): CtrError {
  const operation = "compile seccomp profile";
  return new CtrError({ code: "invalid_argument", operation, subject, reason });
}

interface Tree {
  readonly code: BpfWriter;
  readonly ranges: readonly Range[];
  readonly fallback: number;
}

function search(tree: Tree, from: number, to: number): Place {
  const { code, ranges } = tree;
  if (to - from === 1) {
    const { decision } = ranges[from]!;
    return typeof decision === "number"
      ? code.ret(decision)
      : conditions(code, decision, tree.fallback);
  }
  const middle = (from + to) >> 1;
  const upper = search(tree, middle, to);
  const lower = search(tree, from, middle);
  return code.compare(JGE, ranges[middle]!.first, upper, lower);
}

function conditions(code: BpfWriter, { rules }: Decision, fallback: number): Place {
  let next = code.ret(fallback);
  for (let i = rules.length - 1; i >= 0; i--) {
    const { args, ret } = rules[i]!;
    let yes = code.ret(ret);
    for (let n = args.length - 1; n >= 0; n--) yes = condition(code, args[n]!, yes, next);
    next = yes;
  }
  return next;
}

/** Compare one 64-bit argument, which a filter sees as two words. */
function condition(code: BpfWriter, arg: OciSeccompArg, yes: Place, no: Place): Place {
  const { op, value, valueTwo = 0 } = arg;
  if (!(arg.index >= 0 && arg.index < 6)) {
    throw profileError(String(arg.index), "system calls have the arguments 0 to 5");
  }
  const at = 16 + arg.index * 8;
  const masked = op === "SCMP_CMP_MASKED_EQ";
  const [low, high] = halves(masked ? valueTwo : value);
  if (masked) {
    const [maskLow, maskHigh] = halves(value);
    const second = code.load(at, code.and(maskLow, code.compare(JEQ, low, yes, no)));
    return code.load(at + 4, code.and(maskHigh, code.compare(JEQ, high, second, no)));
  }
  const compareLow: Record<string, () => Place> = {
    SCMP_CMP_EQ: () => code.compare(JEQ, low, yes, no),
    SCMP_CMP_NE: () => code.compare(JEQ, low, no, yes),
    SCMP_CMP_GT: () => code.compare(JGT, low, yes, no),
    SCMP_CMP_GE: () => code.compare(JGE, low, yes, no),
    SCMP_CMP_LT: () => code.compare(JGE, low, no, yes),
    SCMP_CMP_LE: () => code.compare(JGT, low, no, yes),
  };
  const make = compareLow[op];
  if (make === undefined) throw profileError(op, "there is no such comparison");
  const lower = code.load(at, make());
  const equal = code.compare(JEQ, high, lower, op === "SCMP_CMP_NE" ? yes : no);
  switch (op) {
    case "SCMP_CMP_GT":
    case "SCMP_CMP_GE":
      return code.load(at + 4, code.compare(JGT, high, yes, equal));
    case "SCMP_CMP_LT":
    case "SCMP_CMP_LE":
      return code.load(at + 4, code.compare(JGE, high, equal, yes));
    default:
      return code.load(at + 4, equal);
  }
}

function halves(value: number | string): readonly [low: number, high: number] {
  if (typeof value === "string") {
    const whole = /^\d+$/.test(value) ? BigInt(value) : -1n;
    if (whole !== BigInt.asUintN(64, whole)) throw profileError(value, "it has no 64 bits");
    return [Number(whole & 0xffffffffn), Number(whole >> 32n)];
  }
  if (value === 2 ** 64) return [0xffffffff, 0xffffffff]; // what JSON.parse makes of 2^64-1
  if (!Number.isSafeInteger(value) || value < 0) {
    throw profileError(String(value), "the number cannot be held exactly");
  }
  return [value >>> 0, Math.floor(value / 0x100000000) >>> 0];
}
