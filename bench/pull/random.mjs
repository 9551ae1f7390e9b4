/**
 * Numbers and bytes that are the same in every run.
 *
 * @module
 */

/** Numbers from 0 to 1: mulberry32. */
export function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Bytes that gzip brings to a bit less than half: text, and what looks like machine code. */
export function texture(size, next) {
  const bytes = Buffer.alloc(size);
  const words = Array.from({ length: 4000 }, () => {
    const length = 2 + Math.floor(next() * 9);
    return Array.from({ length }, () => String.fromCharCode(97 + Math.floor(next() * 26))).join("");
  });
  for (let at = 0; at < size;) {
    const end = Math.min(size, at + 1024 + Math.floor(next() * 8192));
    if (next() < 0.55) {
      while (at < end) at += bytes.write(`${words[Math.floor(next() ** 2 * 4000)]} `, at, "latin1");
    } else {
      // One half of it is any byte, the other one of few.
      for (; at < end; at++) bytes[at] = next() < 0.45 ? next() * 256 : 0x40 + next() * 12;
    }
  }
  return bytes;
}
