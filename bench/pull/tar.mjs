/**
 * As much of a tar writer as the bench needs: PAX where an entry has attributes.
 *
 * @module
 */

const BLOCK = 512;

/** A tar of at most `capacity` bytes. */
export function tarWriter(capacity) {
  const bytes = Buffer.alloc(capacity);
  let at = 0;
  let count = 0;
  const octal = (value, offset, length) =>
    bytes.write(value.toString(8).padStart(length - 1, "0"), at + offset, "latin1");
  const header = (path, { type, mode = 0o644, size = 0, link = "" }) => {
    if (path.length > 100) throw new RangeError(`${path} is too long for this writer`);
    bytes.write(path, at, "latin1");
    octal(mode, 100, 8);
    octal(0, 108, 8);
    octal(0, 116, 8);
    octal(size, 124, 12);
    octal(1_700_000_000, 136, 12);
    bytes.write(`        ${type}${link}`, at + 148, "latin1");
    bytes.write("ustar\x0000", at + 257, "latin1");
    let sum = 0;
    for (let i = 0; i < BLOCK; i++) sum += bytes[at + i];
    bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, at + 148, "latin1");
    at += BLOCK;
  };
  const pad = () => at = Math.ceil(at / BLOCK) * BLOCK;
  const attributes = (xattrs) => {
    const records = Object.entries(xattrs).map(([name, value]) => {
      const text = Buffer.concat([Buffer.from(` SCHILY.xattr.${name}=`), value, Buffer.from("\n")]);
      const digits = String(text.length + 2).length;
      return Buffer.concat([Buffer.from(String(text.length + digits)), text]);
    });
    const all = Buffer.concat(records);
    header("pax", { type: "x", size: all.length });
    at += all.copy(bytes, at);
    pad();
  };
  const entry = (path, what) => {
    count++;
    header(path, what);
  };
  return {
    directory: (path) => entry(`${path}/`, { type: "5", mode: 0o755 }),
    symlink: (path, link) => entry(path, { type: "2", mode: 0o777, link }),
    hardlink: (path, link) => entry(path, { type: "1", link }),
    file: (path, pieces, { mode = 0o644, xattrs } = {}) => {
      const all = [...pieces];
      if (xattrs !== undefined) attributes(xattrs);
      entry(path, { type: "0", mode, size: all.reduce((sum, { length }) => sum + length, 0) });
      for (const piece of all) at += piece.copy(bytes, at);
      pad();
    },
    entries: () => count,
    end: () => bytes.subarray(0, at += 2 * BLOCK),
  };
}
