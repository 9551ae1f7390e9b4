/**
 * Compiles a seccomp profile to classic BPF: one architecture, a balanced search over ranges of
 * system call numbers, and argument conditions at its leaves.
 *
 * Calls of other architectures (32-bit programs, x32) are refused with ENOSYS, and so are numbers
 * above the ones we know: a C library then tries an older call, where EPERM would be an error.
 *
 * @see https://man7.org/linux/man-pages/man2/seccomp.2.html
 * @module
 */

import type { OciSeccomp, OciSeccompAction, OciSeccompArg, OciSeccompRule } from "../oci/mod.ts";

const AUDIT_ARCH = { x86_64: 0xc000003e, aarch64: 0xc00000b7 } as const;
const X32_BIT = 0x40000000;
const ENOSYS = 38;

const LD_ABS = 0x20;
const ALU_AND = 0x54;
const JMP = 0x05;
const JEQ = 0x15;
const JGT = 0x25;
const JGE = 0x35;
const RET = 0x06;

/** What becomes of one system call: conditional rules in order, then the verdict without conditions. */
interface Decision {
  readonly rules: readonly { readonly args: readonly OciSeccompArg[]; readonly ret: number }[];
  readonly otherwise: number;
}

/** An instruction whose targets are labels until everything has its place. */
interface Instruction {
  readonly code: number;
  readonly k: number;
  readonly whenTrue?: string;
  readonly whenFalse?: string;
  readonly label?: string;
}

/**
 * Compile a profile.
 *
 * @param numbers system calls of the architecture by name; other names are ignored, as in runc
 * @returns `struct sock_filter` entries, 8 bytes each
 */
export function compileSeccomp(
  profile: OciSeccomp,
  arch: "x86_64" | "aarch64",
  numbers: Readonly<Record<string, number>>,
): Uint8Array {
  const fallback = verdict(profile.defaultAction, profile.defaultErrnoRet);
  const byNumber = new Map<number, Decision>();
  for (const rule of profile.syscalls ?? []) {
    for (const name of rule.names) {
      const number = numbers[name];
      if (number !== undefined) byNumber.set(number, add(byNumber.get(number), rule, fallback));
    }
  }
  let highest = 0;
  for (const name in numbers) highest = Math.max(highest, numbers[name]!);
  const unknown = profile.defaultAction === "SCMP_ACT_ERRNO"
    ? verdict("SCMP_ACT_ERRNO", ENOSYS)
    : fallback;

  // Ranges of numbers with the same decision: [first, decision], each up to the next one's first.
  const ranges: { readonly first: number; readonly decision: Decision | number }[] = [];
  for (let number = 0; number <= highest + 1; number++) {
    const found = byNumber.get(number);
    const decision = number > highest
      ? unknown
      : found === undefined
      ? fallback
      : found.rules.length === 0
      ? found.otherwise
      : found;
    const last = ranges.at(-1);
    if (last === undefined || last.decision !== decision) ranges.push({ first: number, decision });
  }

  const code: Instruction[] = [
    { code: LD_ABS, k: 4 },
    { code: JEQ, k: AUDIT_ARCH[arch], whenFalse: "foreign" },
    { code: LD_ABS, k: 0 },
  ];
  if (arch === "x86_64") code.push({ code: JGE, k: X32_BIT, whenTrue: "foreign" });
  search(code, ranges, 0, ranges.length);
  code.push({ code: RET, k: verdict("SCMP_ACT_ERRNO", ENOSYS), label: "foreign" });
  return link(code);
}

function add(before: Decision | undefined, rule: OciSeccompRule, fallback: number): Decision {
  const ret = verdict(rule.action, rule.errnoRet);
  const { rules, otherwise } = before ?? { rules: [], otherwise: fallback };
  if (rule.args === undefined || rule.args.length === 0) return { rules, otherwise: ret };
  return { rules: [...rules, { args: rule.args, ret }], otherwise };
}

function verdict(action: OciSeccompAction, errno = 1): number {
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
      throw new RangeError("seccomp action SCMP_ACT_NOTIFY is not supported");
    default:
      throw new RangeError(`unknown seccomp action ${JSON.stringify(action)}`);
  }
}

let labels = 0;

function search(
  code: Instruction[],
  ranges: readonly { readonly first: number; readonly decision: Decision | number }[],
  from: number,
  to: number,
  label?: string,
): void {
  const named = label === undefined ? {} : { label };
  if (to - from === 1) {
    const { decision } = ranges[from]!;
    if (typeof decision === "number") code.push({ code: RET, k: decision, ...named });
    else conditions(code, decision, label);
    return;
  }
  const middle = (from + to) >> 1;
  const upper = `upper${labels++}`;
  // A conditional jump reaches 255 instructions, an unconditional one all of them.
  const lower = `lower${labels++}`;
  code.push({ code: JGE, k: ranges[middle]!.first, whenFalse: lower, ...named });
  code.push({ code: JMP, k: 0, whenTrue: upper });
  search(code, ranges, from, middle, lower);
  search(code, ranges, middle, to, upper);
}

function conditions(code: Instruction[], decision: Decision, label?: string): void {
  let named = label === undefined ? {} : { label };
  for (const { args, ret } of decision.rules) {
    const next = `rule${labels++}`;
    for (const arg of args) {
      compare(code, arg, next, named);
      named = {};
    }
    code.push({ code: RET, k: ret, ...named });
    named = { label: next };
  }
  code.push({ code: RET, k: decision.otherwise, ...named });
}

/** Fall through when the argument satisfies the condition, else go to `no`. */
function compare(
  code: Instruction[],
  arg: OciSeccompArg,
  no: string,
  named: { label?: string },
): void {
  const at = 16 + arg.index * 8;
  const value = arg.op === "SCMP_CMP_MASKED_EQ" ? arg.valueTwo ?? 0 : arg.value;
  const [low, high] = halves(value);
  const yes = `yes${labels++}`;
  const push = (instruction: Instruction) => {
    code.push({ ...instruction, ...named });
    named = {};
  };
  if (arg.op === "SCMP_CMP_MASKED_EQ") {
    const [maskLow, maskHigh] = halves(arg.value);
    push({ code: LD_ABS, k: at + 4 });
    push({ code: ALU_AND, k: maskHigh });
    push({ code: JEQ, k: high, whenFalse: no });
    push({ code: LD_ABS, k: at });
    push({ code: ALU_AND, k: maskLow });
    push({ code: JEQ, k: low, whenFalse: no });
    return;
  }
  push({ code: LD_ABS, k: at + 4 });
  switch (arg.op) {
    case "SCMP_CMP_EQ":
      push({ code: JEQ, k: high, whenFalse: no });
      break;
    case "SCMP_CMP_NE":
      push({ code: JEQ, k: high, whenFalse: yes });
      break;
    case "SCMP_CMP_GT":
    case "SCMP_CMP_GE":
      push({ code: JGT, k: high, whenTrue: yes });
      push({ code: JEQ, k: high, whenFalse: no });
      break;
    case "SCMP_CMP_LT":
    case "SCMP_CMP_LE":
      push({ code: JGT, k: high, whenTrue: no });
      push({ code: JEQ, k: high, whenFalse: yes });
      break;
    default:
      throw new RangeError(`unknown seccomp comparison ${JSON.stringify(arg.op)}`);
  }
  push({ code: LD_ABS, k: at });
  const last: Record<string, Instruction> = {
    SCMP_CMP_EQ: { code: JEQ, k: low, whenFalse: no },
    SCMP_CMP_NE: { code: JEQ, k: low, whenTrue: no },
    SCMP_CMP_GT: { code: JGT, k: low, whenFalse: no },
    SCMP_CMP_GE: { code: JGE, k: low, whenFalse: no },
    SCMP_CMP_LT: { code: JGE, k: low, whenTrue: no },
    SCMP_CMP_LE: { code: JGT, k: low, whenTrue: no },
  };
  push(last[arg.op]!);
  // An instruction that only carries the label: jump to the next one.
  push({ code: JMP, k: 0, label: yes });
}

function halves(value: number): readonly [low: number, high: number] {
  return [value >>> 0, Math.floor(value / 0x100000000) >>> 0];
}

function link(code: readonly Instruction[]): Uint8Array {
  const places = new Map<string, number>();
  code.forEach(({ label }, index) => label === undefined || places.set(label, index));
  const bytes = new Uint8Array(code.length * 8);
  const view = new DataView(bytes.buffer);
  code.forEach(({ code: op, k, whenTrue, whenFalse }, index) => {
    const distance = (label: string | undefined) => {
      if (label === undefined) return 0;
      const jump = places.get(label)! - index - 1;
      if (jump < 0 || (op !== JMP && jump > 255)) {
        throw new RangeError(`seccomp filter jumps ${jump} instructions`);
      }
      return jump;
    };
    view.setUint16(index * 8, op, true);
    if (op === JMP) view.setUint32(index * 8 + 4, distance(whenTrue), true);
    else {
      bytes[index * 8 + 2] = distance(whenTrue);
      bytes[index * 8 + 3] = distance(whenFalse);
      view.setUint32(index * 8 + 4, k, true);
    }
  });
  return bytes;
}
