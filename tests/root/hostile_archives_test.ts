import { hostileImage, type HostileLayer } from "../fixtures/hostile_layers.ts";
import { blocks, join, type Member, tar } from "../fixtures/raw_tar.ts";

// Archives that are broken, lie about themselves, or are made to cost more than they seem to.

const attribute = (name: string, value: string | Uint8Array) => ({
  [`SCHILY.xattr.${name}`]: value,
});

function broken(name: string, layer: HostileLayer, because: RegExp, code = "data_loss"): void {
  hostileImage(name, () => [layer], { refused: [code], because });
}

/** A record whose length is what it says, true or not. */
function record(text: string): Member {
  return { path: "PaxHeaders/x", type: "x", data: text };
}
/** The same with the right length. */
function value(key: string, text: string): Uint8Array {
  return tar({ ...file, pax: { [key]: text } });
}
const file: Member = { path: "f", data: "content" };
const pax = (text: string): Uint8Array => tar(record(text), file);

broken("a PAX size that is negative", value("size", "-1"), /size "-1"/);
broken("a PAX size beyond all numbers", value("size", "99999999999999999999999"), /size/);
broken("a PAX size that is no number", value("size", "1e3"), /size "1e3"/);
broken("a PAX size larger than the archive", value("size", "9999"), /unexpected end|zero block/);
broken("a PAX uid of 2^64", value("uid", "18446744073709551616"), /uid/);
broken("a PAX time out of range", value("mtime", "99999999999999999"), /mtime/);
broken("a NUL in a PAX path", value("path", "a\0bcd"), /NUL/);
broken("a NUL in a PAX link path", value("linkpath", "a\0bcd"), /NUL/);
broken("a NUL in the name of an attribute", value("SCHILY.xattr.user.a\0b", "c"), /NUL/);
broken("a PAX record longer than its header", pax("99 path=a\n"), /PAX/);
broken("a PAX record of length 0", pax("0 path=a\n"), /PAX/);
broken("a PAX record whose length is a sign", pax("-9 path=a\n"), /PAX/);
broken("a PAX record without a key", pax("6 =abc\n"), /PAX/);
broken("a PAX record without an end", pax("9 path=ab"), /PAX/);
broken(
  "a GNU long name that never ends",
  tar({ path: "././@LongLink", type: "L", data: "n".repeat(2 << 20) }, file),
  /extended header of 2097152 bytes/,
);
broken(
  "a GNU long name longer than any path",
  tar({ path: "././@LongLink", type: "L", data: "n/".repeat(4000) }, file),
  /a name of 8000 bytes/,
);
broken(
  "a GNU long name that the archive ends in",
  tar({ path: "././@LongLink", type: "L", data: "n".repeat(3000) }).subarray(0, 1500),
  /unexpected end/,
);
broken(
  "a GNU long name without an entry",
  join(blocks({ path: "././@LongLink", type: "L", data: "name\0" })),
  /unexpected end/,
);
broken("an entry without a name", tar({ ...file, path: "" }), /without a name/);
broken(
  "a name longer than the kernel takes",
  tar({ ...file, pax: { path: "n".repeat(300) } }),
  /name has 300 bytes|ENAMETOOLONG/,
  "invalid_argument",
);
broken("an archive cut off in a header", tar(file).subarray(0, 100), /unexpected end/);
broken("an archive cut off in the data", tar(file).subarray(0, 514), /unexpected end/);
broken(
  "a header whose checksum is wrong",
  tar({ ...file, raw: { 148: "0000000\0" } }),
  /checksum/,
);
broken(
  "a size in base 256 beyond all numbers",
  tar({ ...file, raw: { 124: "\xff" + "\x7f".repeat(11) } }),
  /size is out of range/,
);
broken("a negative size", tar({ ...file, raw: { 124: "\xff".repeat(12) } }), /size/);
broken("a size that is no number", tar({ ...file, raw: { 124: "9999999999 " } }), /size/);
broken(
  "an entry of a type that nobody knows",
  tar({ ...file, type: "Z" }),
  /unknown entry type/,
  "not_implemented",
);
broken(
  "data behind the end of the archive's members",
  join([...blocks(file), new Uint8Array(512), ...blocks(file), new Uint8Array(1024)]),
  /zero block/,
);
broken(
  "a file in the place of the root",
  tar({ path: ".", data: "x" }),
  /root directory/,
  "invalid_argument",
);
broken(
  "an attribute larger than the kernel takes",
  tar({ ...file, pax: attribute("user.a", "x".repeat(70_000)) }),
  /xattr|attribute/,
  "invalid_argument",
);
broken(
  "an extended header that is a bomb of attributes",
  tar({
    ...file,
    pax: Object.fromEntries(
      Array.from({ length: 30 }, (_, i) => [`SCHILY.xattr.user.${i}`, "x".repeat(60_000)]),
    ),
  }),
  /extended header of 18\d* bytes/,
);

hostileImage("names that are no UTF-8 stay what they are", () => [[
  { path: "\xff\xfe", data: "1" },
  { path: "\xc3\x28/\x80", data: "2" },
  { path: "back\\..\\slash", data: "4" },
]], {
  tree: [
    ...["./\ufffd\ufffd file 1", "./\ufffd( dir", "./\ufffd(/\ufffd file 2"],
    "./back\\..\\slash file 4",
  ],
});

hostileImage("an empty archive has nothing", () => [new Uint8Array(1024)], { tree: [] });

hostileImage("devices that do not exist are refused or harmless", () => [[
  { path: "null", type: "3", major: 1, minor: 3, mode: 0o666 },
]], { tree: ["./null char"] });
