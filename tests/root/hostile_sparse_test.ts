import { hostileImage } from "../fixtures/hostile_layers.ts";
import { type Member, tar } from "../fixtures/raw_tar.ts";

// Maps of sparse files that lie: segments that overlap, leave the file, or never end.

const sparse = (records: Readonly<Record<string, string>>, data = "abcd"): Member => ({
  path: "f",
  data,
  pax: Object.fromEntries(
    Object.entries(records).map(([key, value]) => [`GNU.sparse.${key}`, value]),
  ),
});

function refused(name: string, member: Member, because: RegExp): void {
  hostileImage(`a sparse file ${name} is refused`, () => [tar(member)], {
    refused: ["data_loss", "invalid_argument"],
    because,
  });
}

refused("whose parts overlap", sparse({ size: "100", map: "10,2,11,2" }), /out of order/);
refused("whose parts are out of order", sparse({ size: "100", map: "50,2,10,2" }), /out of order/);
refused("with a part behind its end", sparse({ size: "100", map: "98,4" }), /out of order/);
refused("with a part beyond all numbers", sparse({ size: "9", map: `${2 ** 53},4` }), /offset/);
refused("with a negative part", sparse({ size: "100", map: "-4,4" }), /offset "-4"/);
refused("of more data than there is", sparse({ size: "9999", map: "0,9000" }), /9000 bytes for 4/);
refused("of less data than there is", sparse({ size: "100", map: "0,1" }), /1 bytes for 4/);
refused("of half a part", sparse({ size: "100", map: "0,4,9" }), /ends in the middle/);
refused("without a size", sparse({ map: "0,4" }), /without a size/);
refused("of a form that nobody knows", sparse({ major: "2", minor: "0", realsize: "4" }), /form/);
refused(
  "whose map is no list of numbers",
  sparse({ major: "1", minor: "0", realsize: "4" }, "x".repeat(2048)),
  /map without numbers/,
);
refused(
  "whose map never ends",
  sparse({ major: "1", minor: "0", realsize: "4" }, "1000000\n" + "1\n".repeat(600_000)),
  /too large|out of order|unexpected end|map/,
);
refused(
  "of type S that leaves itself",
  {
    path: "f",
    type: "S",
    data: "abcd",
    raw: { 386: "00000000144\0" + "00000000004\0", 483: "00000000010\0" },
  },
  /out of order/,
);

hostileImage("a sparse file of 512 GB takes what it has", () => [[
  sparse({ size: String(2 ** 39), map: "0,4" }),
]], { tree: ["./f file abcd"] });
