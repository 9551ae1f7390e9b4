import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteLines } from "./lines.ts";
import { header } from "./syslog.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const texts = (lines: Uint8Array[]) => lines.map((line) => new TextDecoder().decode(line));

test("ByteLines cuts at newlines, and long lines into pieces", () => {
  const lines = new ByteLines();
  assert.deepEqual(texts(lines.push(encode("a\nb"))), ["a"]);
  assert.deepEqual(texts(lines.push(encode("c\n\nd"))), ["bc", ""]);
  assert.deepEqual(texts(lines.end()), ["d"]);
  assert.deepEqual(lines.end(), []);
  const long = lines.push(new Uint8Array(40_000).fill(120));
  assert.deepEqual(long.map(({ length }) => length), [16384, 16384]);
  assert.deepEqual(lines.end().map(({ length }) => length), [40_000 - 2 * 16384]);
});

test("header() is that of the RFCs", () => {
  const now = new Date("2026-03-04T05:06:07.089Z");
  const of = (format: "" | "rfc5424" | "rfc5424micro") =>
    header({ facility: 3, format }, { tag: "web", severity: 6, now });
  assert.match(of(""), /^<30>Mar {2}4 \d\d:06:07 web\[\d+\]: $/);
  assert.match(of("rfc5424"), /^<30>1 2026-03-04T05:06:07Z \S+ web \d+ web - $/);
  assert.match(of("rfc5424micro"), /^<30>1 2026-03-04T05:06:07\.089000Z \S+ web \d+ web - $/);
});
