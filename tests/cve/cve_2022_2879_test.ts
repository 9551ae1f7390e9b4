import { hostileImage } from "../fixtures/hostile_layers.ts";
import { blocks, join } from "../fixtures/raw_tar.ts";

// Go's archive/tar read extension headers of any size into memory (CVE-2022-2879), and so it did with
// the map of a sparse file (CVE-2025-58183).

const huge = join(blocks({ path: "PaxHeaders/x", type: "x", raw: { 124: "77777777777" } }));

for (const type of ["x", "g", "L", "K"]) {
  const header = join(blocks({ path: "h", type, raw: { 124: "00777777777" } }));
  hostileImage(`CVE-2022-2879: a header of type ${type} that says it is large is not read`, () => [
    join([header, new Uint8Array(1024)]),
  ], { refused: ["data_loss"], because: /extended header of 134217727 bytes/ });
}

hostileImage("CVE-2022-2879: nor is one of 8 GB", () => [huge], {
  refused: ["data_loss"],
  because: /extended header of 8589934591 bytes/,
});
