/**
 * What prune commands take, and what `system df` says before and after.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BUSYBOX } from "../fixtures/busybox_image.ts";
import { type Cli, withCli } from "../fixtures/cli.ts";
import { writeImageArchive } from "../fixtures/image_archive.ts";
import { needs } from "../fixtures/needs.ts";
import { tarOf } from "../fixtures/tar.ts";

const { skip } = needs("root", "overlayfs", "x86_64", `file:${BUSYBOX}`);

/**
 * `app:1`, of which the container `box` was made and has ended, `app:2` on top of it, `old:1`, and what
 * had this name before.
 */
function withImages(work: (cli: Cli) => Promise<void>): Promise<void> {
  return withCli("prune", async (cli) => {
    writeImageArchive(join(cli.root, "in.tar"), "app:1");
    await cli.ok(["load", "-i", join(cli.root, "in.tar")]);
    await cli.ok(["run", "--name", "box", "--label", "a=b", "app:1", "sh", "-c", "echo x > /f"]);
    await cli.ok(["commit", "-c", "LABEL keep=yes", "box", "app:2"]);
    for (const text of ["one", "two"]) {
      writeFileSync(join(cli.root, "old.tar"), tarOf({ file: text.repeat(1000) }));
      await cli.ok(["import", join(cli.root, "old.tar"), "old:1"]);
    }
    await work(cli);
  });
}

const counts = (cli: Cli): Promise<string> =>
  cli.ok(["system", "df", "--format", "{{.Type}} {{.TotalCount}} {{.Active}}"]);

const tags = async (cli: Cli): Promise<string[]> =>
  (await cli.ok(["images", "--format", "{{.Repository}}:{{.Tag}}"])).trim().split("\n").sort();

function files(cli: Cli): number {
  const snapshotters = readdirSync(join(cli.data, "snapshots")).map((name) => `snapshots/${name}`);
  return ["content/blobs/sha256", "content/ingest", "leases", ...snapshotters]
    .map((path) => join(cli.data, path)).filter((path) => existsSync(path))
    .reduce((sum, path) => sum + readdirSync(path).length, 0);
}

test(
  "image prune takes what has no tag, with -a what has no container",
  { skip },
  () =>
    withImages(async (cli) => {
      assert.deepEqual(await tags(cli), ["app:1", "app:2", "old:1", "old:<none>"]);
      assert.equal(await counts(cli), "Images 4 1\nContainers 1 0\n");
      const { stdout, code } = await cli.run(["image", "prune"], { input: "n\n" });
      assert.match(stdout, /^WARNING! This will remove all dangling images\.\n.*\? \[y\/N\] $/);
      assert.deepEqual([code, (await tags(cli)).length], [0, 4]);
      const pruned = await cli.ok(["image", "prune"], { input: "y\n" });
      assert.match(pruned, /Deleted Images:\nuntagged: old@sha256:.*\ndeleted: sha256:/);
      assert.match(pruned, /\n\nTotal reclaimed space: [1-9][0-9.]*kB\n$/);
      assert.deepEqual(await tags(cli), ["app:1", "app:2", "old:1"]);
      assert.equal(await cli.ok(["image", "prune", "-f"]), "Total reclaimed space: 0B\n");
      await cli.ok(["image", "prune", "-af", "--filter", "until=1h"]);
      assert.deepEqual(await tags(cli), ["app:1", "app:2", "old:1"], "they were made just now");
      await cli.ok(["image", "prune", "-af", "--filter", "label!=keep"]);
      assert.deepEqual(await tags(cli), ["app:1", "app:2"]);
      await cli.ok(["image", "prune", "-af", "--filter", "label=keep=yes"]);
      assert.deepEqual(await tags(cli), ["app:1"], "its container needs it");
      assert.equal(await cli.ok(["start", "box"]), "box\n");
    }),
);

test("container prune takes what has ended", { skip }, () =>
  withImages(async (cli) => {
    await cli.ok(["run", "-d", "--name", "on", "app:1", "sleep", "100"]);
    await cli.ok(["create", "--name", "new", "--label", "a=b", "app:1"]);
    const id = (await cli.ok(["ps", "-aq", "--no-trunc", "--filter", "name=new"])).trim();
    assert.equal(
      await cli.ok(["container", "prune", "-f", "--filter", "label=a=c"]),
      "Total reclaimed space: 0B\n",
    );
    const pruned = await cli.ok(["container", "prune", "-f", "--filter", "label=a=b"]);
    assert.match(
      pruned,
      /^Deleted Containers:\n([0-9a-f]{64}\n){2}\nTotal reclaimed space: [1-9][0-9.]*kB\n$/,
    );
    assert.ok(pruned.includes(id));
    assert.equal(await cli.ok(["ps", "-a", "--format", "{{.Names}}"]), "on\n");
    assert.equal(cli.containerDirectories().length, 1);
  }));

test(
  "system df tells sizes, and system prune gives all of it back",
  { skip },
  () =>
    withImages(async (cli) => {
      const [images, containers] = (await cli.ok(["system", "df", "--format", "json"])).trim()
        .split("\n").map((line) => JSON.parse(line));
      assert.deepEqual(Object.keys(images).sort(), [
        ...["Active", "Reclaimable", "Size", "TotalCount", "Type"],
      ]);
      // Its layer of 2 MB is not compressed: erofs has it as it is, overlayfs unpacks it besides.
      const unpacked = existsSync(join(cli.data, "snapshots/overlayfs"));
      assert.match(images.Size, unpacked ? /^4\.\d+MB$/ : /^2\.\d+MB$/);
      assert.match(images.Reclaimable, /^[1-9].*kB \(\d%\)$/, "app:1 is in use, and nearly all");
      assert.match(containers.Reclaimable, /^[1-9].*kB \(100%\)$/);
      const all = JSON.parse(await cli.ok(["system", "df", "-v", "--format", "json"]));
      const [one, two] = ["1", "2"].map((tag) =>
        all.Images.find((row: { Repository: string; Tag: string }) =>
          row.Repository === "app" && row.Tag === tag
        )
      );
      assert.equal(one.SharedSize, two.SharedSize);
      assert.deepEqual([one.Containers, two.Containers], ["1", "0"]);
      const table = await cli.ok(["system", "df", "-v"]);
      assert.match(
        table,
        /^Images space usage:\n\nREPOSITORY +TAG +IMAGE ID +CREATED +SIZE +SHARED/,
      );
      assert.match(table, /\n\nContainers space usage:\n\nCONTAINER ID[^]*\bbox\n$/);

      await cli.ok(["network", "create", "unused"]);
      const volumes = await cli.run(["system", "prune", "--volumes", "-f"]);
      assert.deepEqual([volumes.code, volumes.stdout], [125, ""]);
      assert.match(volumes.stderr, /--volumes is not supported yet/);
      const kept = await cli.ok(["system", "prune", "-f", "--filter", "until=1h"]);
      assert.equal(kept, "Total reclaimed space: 0B\n");
      const pruned = await cli.ok(["system", "prune", "-a", "-f"]);
      assert.match(
        pruned,
        /^Deleted Containers:\n[0-9a-f]{64}\n\nDeleted Networks:\nunused\n\nDeleted Images:\nunt/,
      );
      assert.match(pruned, unpacked ? /space: 4\.\d+MB\n$/ : /space: 2\.\d+MB\n$/);
      assert.equal(await counts(cli), "Images 0 0\nContainers 0 0\n");
      assert.equal(files(cli), 0);
    }),
);
