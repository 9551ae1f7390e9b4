import assert from "node:assert/strict";
import { test } from "node:test";
import { join, type Member, tar } from "../../tests/fixtures/raw_tar.ts";
import {
  type Part,
  SPARSE_FORMS,
  sparseFile,
  type SparseForm,
} from "../../tests/fixtures/sparse_tar.ts";
import { type TarEntry, tarReader } from "./tar_reader.ts";

interface Read {
  readonly entry: TarEntry;
  readonly parts: Part[];
}

function read(archive: Uint8Array, step = archive.length): Read[] {
  const found: Read[] = [];
  const reader = tarReader({
    entry: (entry) => void found.push({ entry, parts: [] }),
    data: (bytes, at) => {
      const { parts } = found.at(-1)!;
      const text = String.fromCharCode(...bytes);
      const last = parts.at(-1);
      const joins = last !== undefined && last[0] + last[1].length === at;
      if (joins) parts[parts.length - 1] = [last[0], last[1] + text];
      else parts.push([at, text]);
    },
    end: () => {},
  });
  for (let at = 0; at < archive.length; at += step) reader.push(archive.subarray(at, at + step));
  reader.end();
  return found;
}

const PARTS: Part[] = [[0, "start"], [5000, "x".repeat(700)], [100_000, "end"]];
const MANY: Part[] = Array.from({ length: 60 }, (_, i) => [i * 1000, `part ${i}`]);

for (const form of SPARSE_FORMS) {
  test(`tarReader() reads sparse files of the form ${form}`, () => {
    const archive = join([
      sparseFile(form, "d/sparse", 200_000, PARTS),
      sparseFile(form, "d/many", 1_000_000, MANY),
      sparseFile(form, "d/hole", 4096, [[4096, ""]]),
      tar({ path: "after", data: "plain" }),
    ]);
    for (const step of [archive.length, 7, 513]) {
      const found = read(archive, step);
      assert.deepEqual(
        found.map(({ entry: { path, size, type } }) => [path, size, type]),
        [["d/sparse", 200_000, "file"], ["d/many", 1_000_000, "file"], ["d/hole", 4096, "file"], [
          "after",
          5,
          "file",
        ]],
      );
      assert.deepEqual(found.map(({ parts }) => parts), [PARTS, MANY, [], [[0, "plain"]]]);
      assert.equal(found[3]!.entry.sparse, undefined);
    }
  });

  test(`tarReader() refuses a map that does not fit, of the form ${form}`, () => {
    const wrong: [number, Part[]][] = [
      [100, [[50, "x".repeat(51)]]],
      [100, [[50, "x"], [50, "y"]]],
      [100, [[50, "x"], [10, "y"]]],
    ];
    for (const [size, parts] of wrong) {
      const archive = join([sparseFile(form, "f", size, parts), tar()]);
      assert.throws(() => read(archive), { code: "data_loss", message: /sparse map/ });
    }
    const cut = sparseFile(form, "f", 200_000, MANY);
    for (let end = 1; end < cut.length - 511; end += 333) {
      assert.throws(() => read(cut.subarray(0, end)), { code: "data_loss" }, String(end));
    }
  });
}

test("tarReader() refuses malformed sparse headers", () => {
  const one = (form: SparseForm | "other", pax: Record<string, string>, data = "") =>
    [form, { path: "f", data, pax }] as const;
  const size = { "GNU.sparse.size": "10" };
  const version = { "GNU.sparse.major": "1", "GNU.sparse.minor": "0" };
  const cases: (readonly [string, Member])[] = [
    one("0.1", { "GNU.sparse.map": "0,0" }),
    one("0.1", { ...size, "GNU.sparse.map": "0,1,2" }, "xy"),
    one("0.1", { ...size, "GNU.sparse.map": "0,x" }, "x"),
    one("0.1", { ...size, "GNU.sparse.map": "0,1" }, "xy"),
    one("0.0", { ...size, "GNU.sparse.offset": "0" }, "x"),
    one("other", { ...version, "GNU.sparse.minor": "1", "GNU.sparse.realsize": "1" }),
    one("1.0", version),
    one("1.0", { ...version, "GNU.sparse.realsize": "1" }),
    one("1.0", { ...version, "GNU.sparse.realsize": "1" }, "no number at all".repeat(100)),
    one("1.0", { ...version, "GNU.sparse.realsize": "1" }, "99999999999\n0\n0\n".repeat(300)),
  ];
  for (const [what, member] of cases) {
    assert.throws(() => read(tar(member)), { code: "data_loss" }, what);
  }
});
