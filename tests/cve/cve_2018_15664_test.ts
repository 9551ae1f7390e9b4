import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openSnapshotter, tar, trees } from "../../src/snapshot/mod.ts";
import { openState } from "../../src/state/mod.ts";
import { needs } from "../fixtures/needs.ts";

// Docker: what `docker cp` had looked at was replaced by a link to the host, by a container that ran,
// before it was read. Whatever reads the tree of a container here has the same to fear.

/** Puts other things in the place of a directory and of a file, as fast as it can. */
const SWAP = `
import os, sys
os.chdir(sys.argv[1])
outside = sys.argv[2]
def replace(name, make):
    make(".new")
    os.rename(name, ".old")
    os.rename(".new", name)
    os.rename(name, ".gone")
    os.rename(".old", name)
    os.unlink(".gone")
print("ready", flush=True)
while True:
    replace("d", lambda to: os.symlink(outside, to))
    replace("f", lambda to: os.symlink(outside + "/secret", to))
    replace("f", os.mkfifo)
    replace("f", lambda to: os.mknod(to, 0o020666, os.makedev(1, 5)))
`;

for (const name of ["overlayfs", "native"]) {
  test(`CVE-2018-15664: an archive has nothing of the host while links come and go (${name})`, {
    skip: needs("root", "overlayfs", "cmd:python3").skip,
  }, async () => {
    const top = mkdtempSync(join(tmpdir(), "ctr-swap-"));
    const outside = join(top, "outside");
    mkdirSync(outside);
    writeFileSync(join(outside, "secret"), "SECRET OF THE HOST");
    const state = openState({ data: join(top, "data"), exec: join(top, "exec") });
    let swapper: ReturnType<typeof spawn> | undefined;
    try {
      const s = await openSnapshotter(name, state);
      await s.prepare("base", undefined);
      const base = (await s.applyTarget("base")).root;
      mkdirSync(join(base, "d"));
      for (const path of ["d/secret", "f"]) writeFileSync(join(base, path), "of the container");
      await s.commit("image", "base");
      await s.prepare("c", "image");
      const { root } = await s.applyTarget("c");
      rmSync(join(root, "d"), { recursive: true, force: true });
      mkdirSync(join(root, "d"));
      for (const path of ["d/secret", "f"]) writeFileSync(join(root, path), "of the container");
      swapper = spawn("python3", ["-c", SWAP, root, outside], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await new Promise((resolve) => swapper!.stdout!.once("data", resolve));
      const { changesOfContainer, layerOfContainer, tarOfDirectory } = await trees();
      const { tarReader } = await tar();
      let read = 0;
      for (let round = 0; round < 150; round++) {
        const archives = round % 2 === 0 ? tarOfDirectory(root) : layerOfContainer(s, "c");
        const chunks: Uint8Array[] = [];
        for await (const chunk of archives) chunks.push(chunk.slice());
        const reader = tarReader({
          entry: ({ path, type }) => void (read += Number(type === "file" && path === "f")),
          data: () => {},
          end: () => {},
        });
        for (const chunk of chunks) reader.push(chunk);
        reader.end();
        assert.ok(!Buffer.concat(chunks).includes("SECRET OF THE HOST"));
        await changesOfContainer(s, "c");
      }
      assert.ok(read > 0, "it never found the file");
    } finally {
      swapper?.kill("SIGKILL");
      state.close();
      rmSync(top, { recursive: true, force: true });
    }
  });
}
