/**
 * Runs classic BPF as the kernel does for seccomp, for tests: the part of the instruction set that
 * filters use, with the kernel's own checks.
 *
 * @module
 */

/** `struct seccomp_data`. */
export interface SeccompData {
  readonly nr: number;
  readonly arch: number;
  readonly args?: readonly (number | bigint)[];
}

/** The filter's verdict. Throws when the kernel would refuse to load it. */
export function runFilter(filter: Uint8Array, data: SeccompData): number {
  const view = new DataView(filter.buffer, filter.byteOffset, filter.length);
  const count = filter.length / 8;
  if (count > 4096) throw new Error(`${count} instructions are more than BPF_MAXINSNS`);
  const input = new DataView(new ArrayBuffer(64));
  input.setUint32(0, data.nr, true);
  input.setUint32(4, data.arch, true);
  (data.args ?? []).forEach((arg, i) =>
    input.setBigUint64(16 + i * 8, BigInt.asUintN(64, BigInt(arg)), true)
  );
  let accumulator = 0;
  for (let pc = 0; pc < count;) {
    const code = view.getUint16(pc * 8, true);
    const [yes, no] = [view.getUint8(pc * 8 + 2), view.getUint8(pc * 8 + 3)];
    const k = view.getUint32(pc * 8 + 4, true);
    pc++;
    switch (code) {
      case 0x20:
        if (k % 4 !== 0 || k > 60) throw new Error(`load at ${k}`);
        accumulator = input.getUint32(k, true);
        break;
      case 0x54:
        accumulator = (accumulator & k) >>> 0;
        break;
      case 0x05:
        pc += k;
        break;
      case 0x15:
        pc += accumulator === k ? yes : no;
        break;
      case 0x25:
        pc += accumulator > k ? yes : no;
        break;
      case 0x35:
        pc += accumulator >= k ? yes : no;
        break;
      case 0x06:
        return k;
      default:
        throw new Error(`instruction ${code.toString(16)} at ${pc - 1}`);
    }
  }
  throw new Error("the filter does not end with a verdict");
}
