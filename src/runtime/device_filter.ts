/**
 * The device allow-list of cgroup version 2: a BPF program that the kernel asks for every open and
 * mknod of a device.
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html#device-controller
 * @module
 */

import { addressOf, sys } from "../../ffi/mod.ts";
import { O } from "../linux/mod.ts";
import type { OciDeviceRule } from "../oci/mod.ts";
import { close, open, SYS, syscallError } from "../program/mod.ts";

const ACCESS = { m: 1, r: 2, w: 4 } as const;
const TYPE = { b: 1, c: 2 } as const;

const LOAD_WORD = 0x61;
const AND32 = 0x54;
const SHIFT_RIGHT32 = 0x74;
const MOVE = 0xb7;
const JUMP = 0x05;
const JUMP_IF_NOT_EQUAL = 0x55;
const JUMP_IF_SET = 0x45;
const EXIT = 0x95;

/** Registers: 0 verdict, 1 context, 2 type, 3 accesses that are still to be decided, 4 major, 5 minor. */
type Instruction = readonly [code: number, registers: number, offset: number, operand: number];

/**
 * The program for a list of rules. As with version 1, a later rule overrides an earlier one, for each
 * kind of access by itself; what no rule speaks of is denied.
 *
 * @returns `struct bpf_insn` entries, 8 bytes each
 */
export function deviceFilter(rules: readonly OciDeviceRule[]): Uint8Array {
  const code: Instruction[] = [
    [LOAD_WORD, 0x12, 0, 0], // access << 16 | type
    [AND32, 2, 0, 0xffff],
    [LOAD_WORD, 0x13, 0, 0],
    [SHIFT_RIGHT32, 3, 0, 16],
    [LOAD_WORD, 0x14, 4, 0],
    [LOAD_WORD, 0x15, 8, 0],
  ];
  for (const rule of [...rules].reverse()) code.push(...ruleCode(rule));
  code.push([MOVE, 0, 0, 0], [EXIT, 0, 0, 0]);
  const view = new DataView(new ArrayBuffer(code.length * 8));
  code.forEach(([op, registers, offset, operand], index) => {
    view.setUint8(index * 8, op);
    view.setUint8(index * 8 + 1, registers);
    view.setInt16(index * 8 + 2, offset, true);
    view.setUint32(index * 8 + 4, operand >>> 0, true);
  });
  return new Uint8Array(view.buffer);
}

function ruleCode(
  { allow, type = "a", major, minor, access = "rwm" }: OciDeviceRule,
): Instruction[] {
  let bits = 0;
  for (const letter of access) bits |= ACCESS[letter as keyof typeof ACCESS] ?? 0;
  // "a" is every device and every access, whatever else the rule says.
  const every = type === "a";
  const decide: Instruction[] = allow
    ? [[AND32, 3, 0, every ? 0 : ~bits], [JUMP_IF_NOT_EQUAL, 3, 2, 0]] // more is asked for
    : [[JUMP_IF_SET, 3, 1, every ? 7 : bits], [JUMP, 0, 2, 0]];
  decide.push([MOVE, 0, 0, allow ? 1 : 0], [EXIT, 0, 0, 0]);
  if (every) return decide;
  const conditions: [register: number, value: number][] = [[2, TYPE[type]]];
  if (major !== undefined && major >= 0) conditions.push([4, major]);
  if (minor !== undefined && minor >= 0) conditions.push([5, minor]);
  return [
    ...conditions.map(([register, value], index): Instruction => {
      const rest = conditions.length - index - 1 + decide.length;
      return [JUMP_IF_NOT_EQUAL, register, rest, value];
    }),
    ...decide,
  ];
}

/**
 * Load the program and attach it to a cgroup, which keeps it for as long as it lives.
 *
 * @throws {SyscallError} when the kernel refuses
 */
export function attachDeviceFilter(directory: string, rules: readonly OciDeviceRule[]): void {
  const program = deviceFilter(rules);
  const license = new TextEncoder().encode("Apache\0");
  const BPF_PROG_LOAD = 5;
  const load = new DataView(new ArrayBuffer(128));
  load.setUint32(0, 15, true); // BPF_PROG_TYPE_CGROUP_DEVICE
  load.setUint32(4, program.length / 8, true);
  load.setBigUint64(8, BigInt(addressOf(program)), true);
  load.setBigUint64(16, BigInt(addressOf(license)), true);
  const filter = sys(SYS.bpf, BPF_PROG_LOAD, new Uint8Array(load.buffer), 128);
  // The kernel reads both during the call only; until then they must not be collected.
  if (program.length === 0 || license.length === 0) return;
  if (filter < 0) throw refused("BPF_PROG_LOAD", directory, filter);
  const cgroup = open(directory, O.O_RDONLY);
  const BPF_PROG_ATTACH = 8;
  const attach = new Uint32Array(32);
  attach.set([cgroup, filter, 6, 2]); // BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI
  const result = sys(SYS.bpf, BPF_PROG_ATTACH, new Uint8Array(attach.buffer), 128);
  close(cgroup);
  close(filter);
  if (result < 0) throw refused("BPF_PROG_ATTACH", directory, result);
}

function refused(command: string, subject: string, result: number) {
  return syscallError("bpf", [command], -result, { operation: "limit devices of", subject });
}
