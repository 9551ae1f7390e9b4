import assert from "node:assert/strict";
import { test } from "node:test";
import { random } from "../../../tests/fixtures/random.ts";
import { type Member, tar } from "../../../tests/fixtures/raw_tar.ts";
import { erofsImage } from "./image.ts";
import { emptyDirectory } from "./node.ts";
import { scanTar } from "./scan.ts";
import { LayerTree } from "./tree.ts";

function index(...tars: Uint8Array[]): { image: Uint8Array; tree: LayerTree } {
  const tree = new LayerTree();
  const sizes = tars.map((bytes, index) => {
    const scanner = scanTar();
    scanner.push(bytes);
    const { members, size } = scanner.end();
    tree.apply(members, { tar: index, data: -1 });
    return Math.ceil(size / 512) * 512; // a file that ends behind the last whole block is copied
  });
  return { image: erofsImage(tree.root.node, sizes), tree };
}

function refuses(pattern: RegExp, ...members: Member[]): void {
  assert.throws(() => index(tar(...members)), pattern);
}

test("erofsImage() writes the superblock that EROFS documents", () => {
  const archive = tar({ path: "f", data: "x" });
  const { image } = index(archive, archive);
  const view = new DataView(image.buffer);
  assert.equal(view.getUint32(1024, true), 0xe0f5e1e2);
  assert.equal(view.getUint8(1024 + 12), 9);
  assert.equal(view.getUint16(1024 + 86, true), 2, "extra devices");
  assert.equal(view.getUint32(1024 + 36, true) * 512, image.length);
  assert.equal(view.getUint32(1024 + 128 + 64, true) * 512, archive.length);
  assert.deepEqual(index(archive, archive).image, image, "the same again");
});

test("LayerTree refuses what cannot be a file", () => {
  refuses(/would replace the root directory/, { path: "." });
  refuses(/whiteout of nothing/, { path: "d/.wh.." });
  refuses(/its name has 256 bytes/, { path: "x", pax: { path: "n".repeat(256) } });
  refuses(/"nope", does not exist/, { path: "l", type: "1", link: "nope" });
  refuses(/"d", is a directory/, { path: "d/" }, { path: "l", type: "1", link: "d" });
  refuses(/cannot unpack "f": it is not a directory/, { path: "f" }, { path: "f/g" });
  refuses(
    /it is not a directory/,
    { path: "a", type: "2", link: "b" },
    { path: "b", type: "2", link: "a" },
    { path: "a/f" },
  );
  refuses(/symbolic link to nothing/, { path: "l", type: "2" });
  refuses(/no device 4096:0/, { path: "c", type: "3", major: 4096 });
  refuses(/attribute of 65536 bytes/, {
    path: "f",
    pax: { "SCHILY.xattr.user.x": "v".repeat(65536) },
  });
});

test("LayerTree follows no path out of its root", () => {
  const { tree } = index(tar(
    { path: "out", type: "2", link: "../../../etc" },
    { path: "../../up", data: "x" },
    { path: "out/passwd", data: "x" },
    { path: "/absolute", data: "x" },
  ));
  const { children } = tree.root.node;
  assert.deepEqual([...children!.keys()].sort(), ["absolute", "etc", "out", "up"]);
  assert.deepEqual([...children!.get("etc")!.node.children!.keys()], ["passwd"]);
});

test("erofsImage() refuses a file that is not inside its tar", () => {
  for (
    const [device, offset, size] of [[0, 512, 1025], [0, 1536, 1], [1, 0, 1], [0, 100, 1], [
      0,
      -512,
      1,
    ]]
  ) {
    const root = emptyDirectory();
    const node = { ...emptyDirectory(), type: "file" as const, children: undefined as never };
    const data = { device: device!, offset: offset!, size: size! };
    root.children!.set("f", { node: { ...node, data }, layer: 0 });
    assert.throws(() => erofsImage(root, [1600]), { code: "internal" });
  }
});

test("directories nest deeper than a stack of calls", () => {
  const deep = (n: number) => Array.from({ length: n }, () => "d").join("/");
  const members: Member[] = [{ path: "x", pax: { path: deep(2000) + "/" } }];
  for (let i = 1; i < 12; i++) {
    members.push({
      path: `s${i}`,
      type: "2",
      pax: { linkpath: `${i > 1 ? `s${i - 1}/` : ""}${deep(2000)}` },
    });
    members.push({ path: "x", pax: { path: `s${i}/${deep(1900)}/` } });
  }
  assert.ok(index(tar(...members)).image.length > 20_000 * 64);
});

test("a tar with random bytes changed gives an error of ours or an index that stays inside it", () => {
  const archive = tar(
    { path: "d/" },
    { path: "d/f", data: "x".repeat(700), pax: { path: "d/long", "SCHILY.xattr.user.a": "b" } },
    { path: "h", type: "1", link: "d/long" },
    { path: "s", type: "2", link: "d" },
    { path: "s/.wh.f" },
    { path: "last", data: "y".repeat(513) },
  );
  let refused = 0;
  for (let seed = 0; seed < 600; seed++) {
    const { int } = random(seed);
    const bytes = archive.slice(0, seed % 3 === 0 ? int(archive.length) : archive.length);
    for (let changes = 1 + int(4); changes > 0 && bytes.length > 512; changes--) {
      const block = int(Math.floor(bytes.length / 512)) * 512;
      bytes[block + int(345)] = int(2) === 0 ? int(256) : 0x30 + int(8);
      fixChecksum(bytes.subarray(block, block + 512));
    }
    try {
      index(bytes); // checks each file against the tar's size
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      assert.ok(["data_loss", "invalid_argument", "not_implemented"].includes(code!), message);
      refused++;
    }
  }
  assert.ok(refused > 100 && refused < 550, String(refused));
});

function fixChecksum(block: Uint8Array): void {
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0).toString(8).padStart(6, "0");
  block.set(new TextEncoder().encode(`${sum}\0 `), 148);
}
