/**
 * What a container changed is the same whoever keeps its files: what `diff` tells, the layer that
 * `commit` makes, and the archive that `export` writes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { applyLayer, commitLayer, type Snapshotter, tar, trees } from "../../src/snapshot/mod.ts";
import { describeTree } from "../fixtures/describe_tree.ts";
import { mounted } from "../fixtures/mounted.ts";
import { type Implementation, layer, snapshotterCases } from "./snapshotter_case.ts";

const XATTR = `python3 -c 'import os,sys
p, k, v = sys.argv[1:]
os.setxattr(p, k, v.encode(), follow_symlinks=False)'`;

const LOOK = describeTree({ times: "files, in seconds" });

/** Every kind of change that there is. */
const CHANGE = `echo new > added; echo more >> dir/grown; chmod 700 dir/mode; chown 7:8 dir/owner
rm dir/gone; rm -r deleted; rm -r anew; mkdir anew; echo x > anew/x; rm f2d; mkdir f2d; echo y > f2d/y
rm -r d2f; echo z > d2f; ln dir/same hard; ln -s elsewhere link; mknod null c 1 3; mkfifo pipe
rm dir/f2l; ln -s same dir/f2l; touch -d @1000000000 dir/same-time.2; printf b > dir/same-time
touch -d @1000000000 dir/same-time; ${XATTR} dir/attr user.a b; ${XATTR} link trusted.l m
${XATTR} null trusted.n o; truncate -s 8M sparse; printf end >> sparse; touch -d @-5.25 old
mkdir .empty; touch quiet/x; rm quiet/x`;

const CHANGES = [
  ...["A /.empty", "A /added", "C /anew", "D /anew/old", "A /anew/x", "C /d2f", "D /deleted"],
  ...["C /dir", "C /dir/attr", "C /dir/f2l", "D /dir/gone", "C /dir/grown", "C /dir/mode"],
  ...["C /dir/owner", "C /dir/same", "C /dir/same-time", "A /dir/same-time.2", "C /f2d"],
  ...["A /f2d/y", "A /hard", "A /link", "A /null", "A /old", "A /pipe", "C /quiet", "A /sparse"],
];

/** Register the suite. */
export function snapshotterChangesContract(implementation: Implementation): void {
  const contract = snapshotterCases(implementation);
  const changed = async (s: Snapshotter): Promise<string> => {
    await layer(
      s,
      "base",
      undefined,
      { path: "dir/" },
      ...["gone", "grown", "mode", "owner", "same", "f2l", "attr"].map((name) => ({
        path: `dir/${name}`,
        data: name,
      })),
      { path: "dir/same-time", data: "a" },
      { path: "deleted/" },
      { path: "deleted/x" },
      { path: "anew/" },
      { path: "anew/old" },
      { path: "f2d" },
      { path: "d2f/" },
      { path: "d2f/x" },
      { path: "quiet/" },
      { path: "still/" },
      { path: "still/deep", type: "2", link: "../dir" },
    );
    const mounts = await s.prepare("c", "base");
    await mounted(mounts, CHANGE);
    return await mounted(await s.mounts("c"), LOOK);
  };

  contract("diff tells every change, and nothing else", async (s) => {
    await changed(s);
    const { changesOfContainer } = await trees();
    const letters = { added: "A", changed: "C", deleted: "D" };
    const found = await changesOfContainer(s, "c");
    assert.deepEqual(found.map(({ kind, path }) => `${letters[kind]} ${path}`), CHANGES);
    await s.prepare("still", "base");
    assert.deepEqual(await changesOfContainer(s, "still"), []);
  });

  contract("the layer of the changes, unpacked again, gives the same tree", async (s) => {
    const seen = await changed(s);
    const { layerOfContainer } = await trees();
    const chunks = await all(layerOfContainer(s, "c"));
    await s.prepare("again", s.rebase ? undefined : "base");
    const source = async function* () {
      yield* chunks;
    };
    const result = await applyLayer(s, "again", source);
    await commitLayer(s, { key: "again", name: "top", parent: "base", result, source });
    assert.equal(await mounted(await s.view("v", "top"), LOOK), seen);
    const names: string[] = [];
    const { tarReader } = await tar();
    const reader = tarReader({
      entry: ({ path }) => void names.push(path),
      data: () => {},
      end: () => {},
    });
    for (const chunk of chunks) reader.push(chunk);
    assert.ok(!names.some((name) => name.startsWith("still")), "it has more than the changes");
    assert.ok(names.includes(".wh.deleted") && names.includes("dir/.wh.gone"), names.join());
  });

  contract("the archive of a container has all of it", async (s) => {
    const seen = await changed(s);
    const { tarOfContainer } = await trees();
    const chunks = await all(tarOfContainer(s, "c"));
    const source = async function* () {
      yield* chunks;
    };
    await s.prepare("again", undefined);
    const result = await applyLayer(s, "again", source);
    await commitLayer(s, { key: "again", name: "flat", parent: undefined, result, source });
    assert.equal(await mounted(await s.view("v", "flat"), LOOK), seen);
  });
}

async function all(source: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const found: Uint8Array[] = [];
  for await (const chunk of source) found.push(chunk);
  return found;
}
