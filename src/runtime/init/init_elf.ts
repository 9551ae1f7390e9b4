/**
 * The init that `--init` puts before a container's command: a static ELF executable of under 1 KB,
 * made from embedded machine code, so that no binary has to be shipped or found on the host. Its
 * assembler sources stand beside this file; a test compares them with these bytes.
 *
 * @module
 */

/** Machine code per architecture: `.text` of `x86_64.S` and `aarch64.S`, base64. */
export const INIT_CODE: Readonly<Record<"x86_64" | "aarch64", string>> = {
  x86_64:
    "SIsEJEiNXCQQTI1kxBBIgexAEAAASIPk8EiLA0iFwA+E4AEAAGaBOC0tdRSAeAIAdQ5Ig8MISIM7AA+ExQEAAEjHBCT/////vwIAAABIieZIjVQkCEG6CAAAALgOAAAADwW4OQAAAA8FhcAPiJQBAAB0b0GJxUiJ5zH2MdJBuggAAAC4gAAAAA8FhcB46IP4EXQORInvica4PgAAAA8F69VIx8f/////SI10JBC6AQAAAEUx0rg9AAAADwWFwH62RDnoddyLRCQQiceD5391BQ+2/OsGgceAAAAAuOcAAAAPBTH/Mfa4bQAAAA8FuCcAAAAPBYlEJBAx/74QVAAASI1UJBC4EAAAAA8FvwIAAABIjXQkCDHSQboIAAAAuA4AAAAPBUUx9kiLM6w8Lw+EkgAAAITAdfNMieZIiwZIhcAPhJoAAABIg8YIgThQQVRIdeiAeAQ9deJMjXgFSI18JCBMjYcAEAAATIn+rITAdAw8OnQITDnHc/Kq6+9JifdBiMFIjUQkIEg5x3QDsC+qSIszrEw5x3cmqoTAdfVBUUiNfCQoSIneTIniuDsAAAAPBUFZg/jzdQZBvgEAAABFhMl1mesbSIs7SIneTIniuDsAAAAPBYP4/nQGQb4BAAAASI01KAAAALpCAAAAvwIAAAC4AQAAAA8Fv38AAABEKffp1v7//799AAAA6cz+//9jdHItaW5pdDogY2Fubm90IGV4ZWN1dGUgdGhlIGNvbW1hbmQ6IG5vdCBmb3VuZCBvciBub3QgZXhlY3V0YWJsZQo=",
  aarch64:
    "4ANA+fNDAJF0DgCL/wdA0f8DAdFgAkD5QBMAtAEAQDk/tABxIQEAVAEEQDk/tABxwQAAVAEIQDmBAAA1cyIAkWACQPngEQC0AACAkuADAPlAAIDS4QMAkeIjAJEDAYDS6BCA0gEAANQgAoDSAQCA0gIAgNIDAIDSBACA0ogbgNIBAADUHwAA8csPAFRgBABU9QMAquADAJEBAIDSAgCA0gMBgNIoEYDSAQAA1B8AAPEr//9UH0QA8cAAAFThAwCq4AMVqigQgNIBAADU8v//FwAAgJLhQwCRIgCA0gMAgNKIIIDSAQAA1B8AAPFN/f9UHwAV6+H+/1ThE0C5IBgAcmEAAFQgPAhTAgAAFAAAAhHIC4DSAQAA1AAAgNIBAIDSSBOA0gEAANSIFYDSAQAA1OATALkAAIDSAYKK0uJDAJGoA4DSAQAA1EAAgNLhIwCRAgCA0gMBgNLoEIDSAQAA1BYAgNJhAkD5IBRAOB+8AHGABgBUoP//NeEDFKoghED4AAcAtAIAQDlfQAFxgf//VAIEQDlfBAFxIf//VAIIQDlfUAFxwf7/VAIMQDlfIAFxYf7/VAIQQDlf9ABxAf7/VBcUAJHqgwCR6wMKqkwFQJHpFkA46QAAND/pAHGgAABUfwEM62L//1RpFQA4+f//F38BCutgAABU4AWAUmAVADhhAkD5fwEM64gBAFQgFEA4YBUAOID//zXgAwqq4QMTquIDFKqoG4DSAQAA1B80ALFBAABUNgCA0mn8/zUJAAAUYAJA+eEDE6riAxSqqBuA0gEAANQfCACxQAAAVDYAgNJBAQAQQgiA0kAAgNIICIDSAQAA1OAPgNIAABbLpf//F6APgNKj//8XY3RyLWluaXQ6IGNhbm5vdCBleGVjdXRlIHRoZSBjb21tYW5kOiBub3QgZm91bmQgb3Igbm90IGV4ZWN1dGFibGUK",
};

const LOAD_ADDRESS = 0x400000;
const HEADERS = 64 + 2 * 56;

/**
 * The executable of `--init`.
 *
 * @example
 * ```ts
 * writeFileSync("ctr-init", initElf("x86_64"), { mode: 0o755 });
 * ```
 * @see https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
 */
export function initElf(arch: "x86_64" | "aarch64"): Uint8Array {
  return staticElf(arch, Uint8Array.from(atob(INIT_CODE[arch]), (c) => c.charCodeAt(0)));
}

/** A program from its code: ELF header, one read-and-execute segment, a non-executable stack. */
export function staticElf(arch: "x86_64" | "aarch64", code: Uint8Array): Uint8Array {
  const file = new Uint8Array(HEADERS + code.length);
  const view = new DataView(file.buffer);
  const u16 = (at: number, value: number) => view.setUint16(at, value, true);
  const u32 = (at: number, value: number) => view.setUint32(at, value, true);
  const u64 = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true);

  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // 64 bits, little endian, version 1
  u16(16, 2); // ET_EXEC
  u16(18, arch === "x86_64" ? 62 : 183); // EM_X86_64, EM_AARCH64
  u32(20, 1);
  u64(24, LOAD_ADDRESS + HEADERS); // entry
  u64(32, 64); // program headers
  u16(52, 64);
  u16(54, 56);
  u16(56, 2);
  u16(58, 64);

  u32(64, 1); // PT_LOAD
  u32(68, 5); // R+X
  u64(80, LOAD_ADDRESS);
  u64(88, LOAD_ADDRESS);
  u64(96, file.length);
  u64(104, file.length);
  u64(112, 0x10000); // 64 KiB pages exist on aarch64

  u32(120, 0x6474e551); // PT_GNU_STACK
  u32(124, 6); // R+W
  u64(168, 16);

  file.set(code, HEADERS);
  return file;
}
