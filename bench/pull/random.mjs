/**
 * Numbers and bytes that are the same in every run.
 *
 * @module
 */

/** Mean bytes of what is new, and of what repeats. */
const [LITERAL, MATCH] = [5, 16];

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

/**
 * Bytes that gzip brings to 0.44 of their size and unpacks as fast as files of a Linux distribution:
 * most repeat something from shortly before, some are new, and a few are compressed already.
 */
export function texture(size, next) {
  const bytes = Buffer.alloc(size);
  const length = (mean) => Math.ceil(mean * -Math.log(1 - next() * 0.9999));
  for (let at = 0; at < size;) {
    const end = Math.min(size, at + 4096 + Math.floor(next() * 65536));
    const packed = next() < 0.17;
    while (at < end) {
      const literal = Math.min(end, at + (packed ? 4096 : length(LITERAL)));
      for (; at < literal; at++) bytes[at] = next() * (packed || next() < 0.1 ? 256 : 40) + 60;
      if (packed || at < 32768) continue;
      const from = at - 32 - Math.floor(next() ** 2 * 24_000);
      const match = Math.min(end, at + 3 + length(MATCH));
      for (let i = from; at < match; i++) bytes[at++] = bytes[i];
    }
  }
  return bytes;
}
