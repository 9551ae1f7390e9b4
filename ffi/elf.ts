/**
 * The trampoline as a shared object: a minimal ELF64 image around a few hundred bytes of machine
 * code, so that the dynamic loader maps it and no page is ever writable and executable at once.
 * It makes the bytes embedded in `trampoline/code.ts`; nothing of it runs at start.
 *
 * @module
 */

/** A function of the shared object: its name and its offset into the code. */
export interface ElfSymbol {
  readonly name: string;
  readonly offset: number;
}

/** The distance of the two segments in memory: pages of up to 64 KiB never hold both. */
const SEGMENT = 0x10000;

/** Where the code is in the file: behind the headers. */
export const CODE: number = 64 + 4 * 56;

/**
 * Lay out the shared object: a read-execute segment (headers, code, symbols) and a read-write one
 * (the dynamic section, which older loaders relocate in place). Both lie in one page of the file,
 * which is mapped twice, so the object stays about one kilobyte.
 *
 * With a symbol `ctr_start` it can be executed too, without a dynamic loader.
 *
 * @see https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.dynamic.html
 */
export function sharedObject(
  arch: "x86_64" | "aarch64",
  code: Uint8Array,
  symbols: readonly ElfSymbol[],
): Uint8Array {
  const entries = symbols.length + 1;
  const symtabAt = align8(CODE + code.length);
  const hashAt = symtabAt + entries * 24;
  const strtabAt = hashAt + 4 * (3 + entries);
  const names = symbols.map((symbol) => symbol.name + "\0");
  const strtab = new TextEncoder().encode("\0" + names.join(""));
  const textEnd = strtabAt + strtab.length;
  const dynamic: readonly (readonly [tag: number, value: number])[] = [
    [4, hashAt], // DT_HASH
    [5, strtabAt], // DT_STRTAB
    [6, symtabAt], // DT_SYMTAB
    [10, strtab.length], // DT_STRSZ
    [11, 24], // DT_SYMENT
    [0, 0],
  ];

  const dynamicAt = align8(textEnd);
  const file = new Uint8Array(dynamicAt + dynamic.length * 16);
  const view = new DataView(file.buffer);
  const u16 = (at: number, value: number) => view.setUint16(at, value, true);
  const u32 = (at: number, value: number) => view.setUint32(at, value, true);
  const u64 = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true);

  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // 64 bits, little endian, version 1
  u16(16, 3); // ET_DYN
  u16(18, arch === "x86_64" ? 62 : 183); // EM_X86_64, EM_AARCH64
  u32(20, 1);
  const entry = symbols.find(({ name }) => name === "ctr_start");
  if (entry !== undefined) u64(24, CODE + entry.offset);
  u64(32, 64);
  u16(52, 64);
  u16(54, 56);
  u16(56, 4);
  u16(58, 64);

  const segment = (
    index: number,
    type: number,
    flags: number,
    at: { offset: number; address: number; size: number; align: number },
  ) => {
    const base = 64 + index * 56;
    u32(base, type);
    u32(base + 4, flags);
    u64(base + 8, at.offset);
    u64(base + 16, at.address);
    u64(base + 24, at.address);
    u64(base + 32, at.size);
    u64(base + 40, at.size);
    u64(base + 48, at.align);
  };
  const data = { offset: dynamicAt, address: SEGMENT + dynamicAt, size: dynamic.length * 16 };
  segment(0, 1, 5, { offset: 0, address: 0, size: textEnd, align: SEGMENT }); // PT_LOAD R+X
  segment(1, 1, 6, { ...data, align: SEGMENT }); // PT_LOAD R+W
  segment(2, 2, 6, { ...data, align: 8 }); // PT_DYNAMIC
  segment(3, 0x6474e551, 6, { offset: 0, address: 0, size: 0, align: 16 }); // PT_GNU_STACK

  file.set(code, CODE);
  let name = 1;
  symbols.forEach((symbol, index) => {
    const at = symtabAt + (index + 1) * 24;
    u32(at, name);
    file[at + 4] = 0x12; // STB_GLOBAL, STT_FUNC
    u16(at + 6, 1); // any section but SHN_UNDEF
    u64(at + 8, CODE + symbol.offset);
    name += symbol.name.length + 1;
  });
  // One hash bucket, one chain through all symbols.
  u32(hashAt, 1);
  u32(hashAt + 4, entries);
  u32(hashAt + 8, 1);
  for (let index = 1; index < entries; index++) {
    u32(hashAt + 12 + index * 4, index + 1 < entries ? index + 1 : 0);
  }
  file.set(strtab, strtabAt);
  dynamic.forEach(([tag, value], index) => {
    u64(dynamicAt + index * 16, tag);
    u64(dynamicAt + index * 16 + 8, value);
  });
  return file;
}

function align8(value: number): number {
  return (value + 7) & ~7;
}
