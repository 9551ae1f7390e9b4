import { hostileImage } from "../fixtures/hostile_layers.ts";
import { blocks, join } from "../fixtures/raw_tar.ts";

// tokio-tar: where a PAX header and the header itself disagree on a size, the wrong one was believed,
// and what was a file's content became members that no scanner had seen.
// https://github.com/edera-dev/cve-tarmageddon

const inner = join(blocks({ path: "smuggled", data: "no" }));
const [pax, , header] = (() => {
  const all = blocks({ path: "x", pax: { size: String(inner.length) } });
  return [join(all.slice(0, 3)), undefined, join(all.slice(3))] as const;
})();

hostileImage("CVE-2025-62518: a PAX size is the size, whatever the header says", () => [
  join([pax, header, inner, new Uint8Array(1024)]),
], { tree: ["./x file smuggled"] });
