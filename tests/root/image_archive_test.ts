import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { type Cli, withCli } from "../fixtures/cli.ts";
import { BUSYBOX } from "../fixtures/busybox_image.ts";
import { digestOf, ImageBuilder } from "../fixtures/oci_layout.ts";
import { layoutArchive, writeImageArchive } from "../fixtures/image_archive.ts";
import { needs } from "../fixtures/needs.ts";
import { type Member, tar } from "../fixtures/raw_tar.ts";

const { skip } = needs("root", "overlayfs", "x86_64", `file:${BUSYBOX}`);
const run = promisify(execFile);

/** Work with an archive of busybox as `docker save` made it for years. */
function withArchive(work: (cli: Cli, archive: string) => Promise<void>): Promise<void> {
  return withCli("archives", async (cli) => {
    const archive = join(cli.root, "in.tar");
    writeImageArchive(archive, "app:1");
    await work(cli, archive);
  });
}

test(
  "load and save are each other's inverse, and save is deterministic",
  { skip },
  () =>
    withArchive(async (cli, archive) => {
      assert.equal(await cli.ok(["load", "-i", archive]), "Loaded image: app:1\n");
      assert.equal(await cli.ok(["run", "--rm", "app:1", "echo", "hi"]), "hi\n");
      await cli.ok(["tag", "app:1", "app:two"]);
      const [one, two] = [join(cli.root, "one.tar"), join(cli.root, "two.tar")];
      await cli.ok(["save", "-o", one, "app:1", "app:two"]);
      await cli.ok(["image", "save", "--output", two, "app"]);
      const ids = await cli.ok(["images", "-q", "--no-trunc"]);
      await cli.ok(["rmi", "app:1", "app:two"]);
      assert.equal(
        await cli.ok(["load", "-i", one]),
        "Loaded image: app:1\nLoaded image: app:two\n",
      );
      assert.equal(await cli.ok(["images", "-q", "--no-trunc"]), ids);
      const again = join(cli.root, "again.tar");
      await cli.ok(["save", "-o", again, "app:1", "app:two"]);
      assert.ok(readFileSync(again).equals(readFileSync(one)));
      assert.equal(
        readFileSync(two).length,
        readFileSync(one).length,
        "a repository is all its tags",
      );
      assert.deepEqual(readdirSync(cli.root).filter((name) => name.includes("tmp.")), []);
    }),
);

test(
  "save writes to a pipe, load reads from one, compressed too",
  { skip },
  () =>
    withArchive(async (cli, archive) => {
      const packed = join(cli.root, "in.tar.gz");
      writeFileSync(packed, gzipSync(readFileSync(archive)));
      const quoted = (argv: readonly string[]) => argv.map((word) => `'${word}'`).join(" ");
      const ctr = quoted(cli.argv());
      const other = quoted(cli.argv("--data-root", join(cli.root, "other")));
      const env = { ...process.env, CTR_RUNTIME: cli.runtime };
      const sh = async (script: string) => (await run("sh", ["-ec", script], { env })).stdout;
      assert.equal(await sh(`cat ${packed} | ${ctr} load -q`), "Loaded image: app:1\n");
      assert.equal(await sh(`${ctr} save app:1 | ${other} load`), "Loaded image: app:1\n");
    }),
);

test(
  "an image that is saved by its ID has no name",
  { skip },
  () =>
    withArchive(async (cli, archive) => {
      await cli.ok(["load", "-i", archive]);
      const id = (await cli.ok(["images", "-q", "--no-trunc"])).trim();
      const saved = join(cli.root, "id.tar");
      await cli.ok(["save", "-o", saved, id]);
      await cli.ok(["rmi", "app:1"]);
      assert.equal(await cli.ok(["load", "-i", saved]), `Loaded image ID: ${id}\n`);
      assert.match(await cli.ok(["images"]), /^<none> +<none> /m);
      await cli.ok(["tag", id, "app:new"]);
      assert.doesNotMatch(await cli.ok(["images"]), /<none>/);
      const removed = await cli.ok(["rmi", "app:new"]);
      assert.match(removed, /^Untagged: app:new\nUntagged: app@sha256:.*\nDeleted: sha256:/);
    }),
);

test("save and load say what is not possible", { skip }, () =>
  withArchive(async (cli, archive) => {
    await cli.ok(["load", "-i", archive]);
    const fails = async (args: string[], pattern: RegExp) => {
      const { code, stderr } = await cli.run(args);
      assert.deepEqual([code, pattern.test(stderr)], [1, true], stderr);
    };
    const out = join(cli.root, "out.tar");
    await fails(["save", "-o", out, "nope"], /no such image/);
    await fails(["save", "-o", out, "host"], /the built-in image is this machine/);
    await fails(
      ["save", "-o", out, "--platform", "linux/s390x", "app:1"],
      /the image is for linux/,
    );
    await fails(["save", "-o", "/nowhere/x.tar", "app:1"], /no such file or directory/);
    await fails(["save", "-o", cli.root, "app:1"], /it is a directory/);
    await fails(["load", "-i", join(cli.root, "none.tar")], /no such file or directory/);
    await fails(["load", "-i", archive, "--platform", "linux/s390x"], /the image is for linux/);
    assert.deepEqual(readdirSync(cli.root).filter((name) => name.startsWith("out")), []);
  }));

test(
  "skopeo and podman read what save wrote, and load reads what they wrote",
  needs("root", "overlayfs", "x86_64", `file:${BUSYBOX}`, "cmd:skopeo", "cmd:podman"),
  () =>
    withArchive(async (cli, archive) => {
      await cli.ok(["load", "-i", archive]);
      const id = (await cli.ok(["images", "-q", "--no-trunc"])).trim();
      const saved = join(cli.root, "saved.tar");
      await cli.ok(["save", "-o", saved, "app:1"]);
      const store = ["--root", join(cli.root, "pod"), "--runroot", join(cli.root, "podrun")];
      const podman = async (...args: string[]) =>
        (await run("podman", [...store, "--storage-driver", "vfs", ...args])).stdout;
      await podman("load", "-q", "-i", saved);
      assert.equal((await podman("images", "-q", "--no-trunc")).trim(), id);
      const written: string[] = [join(cli.root, "podman.tar")];
      await podman("save", "-q", "-o", written[0]!, "app:1");
      for (const from of ["docker-archive", "oci-archive"]) {
        for (const to of ["docker-archive", "oci-archive"]) {
          const path = join(cli.root, `${from}-${to}.tar`);
          await run("skopeo", ["copy", `${from}:${saved}`, `${to}:${path}:app:1`]);
          written.push(path);
        }
      }
      for (const path of written) {
        await cli.ok(["rmi", "-f", "app:1", "localhost/app:1"]);
        assert.match(await cli.ok(["load", "-i", path]), /app:1\n$/);
        assert.match(await cli.ok(["images", "--no-trunc"]), /app +1 +sha256:/);
      }
    }),
);

test(
  "an image of several platforms keeps them, or the one that is asked for",
  { skip },
  () =>
    withCli("platforms", async (cli) => {
      const images = new ImageBuilder();
      const index = images.index({
        "linux/amd64": images.image([{ "for": "amd64" }]),
        "linux/arm64": images.image([{ "for": "arm64" }], { platform: "linux/arm64" }),
      });
      const archive = join(cli.root, "multi.tar");
      writeFileSync(archive, layoutArchive(images, index, "multi:1"));
      await cli.ok(["load", "-i", archive]);
      await cli.ok(["load", "-i", archive, "--platform", "linux/arm64"]);
      const whole = join(cli.root, "whole.tar");
      const part = join(cli.root, "part.tar");
      await cli.ok(["save", "-o", whole, "multi:1"]);
      await cli.ok(["save", "-o", part, "--platform", "linux/arm64", "multi:1"]);
      const digests = async (path: string) => {
        const { stdout } = await run("tar", ["-xOf", path, "index.json"]);
        return JSON.parse(stdout).manifests.map(({ digest }: { digest: string }) => digest);
      };
      assert.deepEqual(await digests(whole), [index.digest]);
      assert.deepEqual(await digests(part), [images.json(index).manifests[1].digest]);
    }),
);

const LAYER = tar({ path: "file", data: "x" });
const CONFIG = JSON.stringify({
  architecture: "amd64",
  os: "linux",
  rootfs: { type: "layers", diff_ids: [digestOf(LAYER)] },
});
const manifest = (part: object) =>
  JSON.stringify([{ Config: "c.json", RepoTags: ["bad:1"], Layers: ["l.tar"], ...part }]);
const whole = (part: object, ...more: Member[]): Uint8Array =>
  tar(
    { path: "c.json", data: CONFIG },
    { path: "l.tar", data: LAYER },
    ...more,
    { path: "manifest.json", data: manifest(part) },
  );
const broken = new ImageBuilder();
const target = broken.image([{ a: "1" }]);
const layer = broken.json(target).layers[0];

/** What each hostile or broken archive is told. */
const HOSTILE: Readonly<Record<string, [archive: Uint8Array, told: RegExp]>> = {
  "no image": [tar({ path: "a", data: "x" }), /neither index\.json nor manifest\.json/],
  "no tar": [new TextEncoder().encode("hello ".repeat(200)), /checksum|not a number/],
  "a cut archive": [whole({}).subarray(0, 1500), /unexpected end/],
  "a cut gzip": [gzipSync(whole({})).subarray(0, 150), /decompress|unexpected/],
  "a name with ..": [whole({}, { path: "../../etc/cron.d/x", data: "x" }), /leads out/],
  "an absolute name": [whole({}, { path: "/etc/cron.d/x", data: "x" }), /absolute/],
  "a link that leads out": [
    whole({}, { path: "s", type: "2", link: "../../etc/passwd" }),
    /leads out/,
  ],
  "a layer that is a link out": [whole({ Layers: ["../../../etc/passwd"] }), /leads out/],
  "a layer that is a loop": [
    whole({ Layers: ["a"] }, { path: "a", type: "2", link: "b" }, {
      path: "b",
      type: "2",
      link: "a",
    }),
    /does not have it/,
  ],
  "a missing layer": [whole({ Layers: ["none.tar"] }), /does not have it/],
  "a missing configuration": [whole({ Config: "none.json" }), /does not have it/],
  "no layers": [whole({ Layers: null }), /without layers/],
  "a layer of another content": [
    whole({ Layers: ["other"] }, { path: "other", data: tar({ path: "y" }) }),
    /uncompressed digest/,
  ],
  "more layers than diffIDs": [whole({ Layers: ["l.tar", "l.tar"] }), /lists 1 layers/],
  "a bad name": [whole({ RepoTags: ["UP:1"] }), /lowercase/],
  "a name with a digest": [whole({ RepoTags: [`x@sha256:${"0".repeat(64)}`] }), /not a tag/],
  "two manifests": [whole({}, { path: "manifest.json", data: "[]" }), /twice/],
  "two layers of one name": [whole({}, { path: "l.tar", data: "other" }), /twice/],
  "no JSON": [tar({ path: "manifest.json", data: "{" }), /not JSON/],
  "a blob of another digest": [
    layoutArchive(broken, target, "bad:1", { [layer.digest]: gzipSync(tar({ path: "b" })) }),
    /its digest is sha256/,
  ],
  "a descriptor of another size": [
    layoutArchive(broken, { ...target, size: 5 }, "bad:1"),
    /bytes, not 5/,
  ],
  "a missing manifest": [
    layoutArchive(new ImageBuilder(), target, "bad:1"),
    /no such blob|does not have/,
  ],
  "an index without manifests": [
    tar({ path: "oci-layout", data: "{}" }, { path: "index.json", data: "{}" }),
    /no manifests/,
  ],
  "a malformed descriptor": [
    layoutArchive(broken, { digest: "sha256:../../x", size: 1 }, "bad:1"),
    /malformed descriptor/,
  ],
};

test(
  "load tells what is wrong with a hostile archive, and keeps nothing",
  { skip },
  () =>
    withCli("hostile", async (cli) => {
      const { openImages } = await import("../../src/image/mod.ts");
      const { openSnapshotter } = await import("../../src/snapshot/mod.ts");
      const { openState } = await import("../../src/state/mod.ts");
      const state = openState({ data: cli.data, exec: cli.exec });
      try {
        const snapshotter = await openSnapshotter("overlayfs", state);
        const images = openImages({ state, snapshotter });
        for (const [what, [archive, told]] of Object.entries(HOSTILE)) {
          const source = (async function* () {
            yield archive;
          })();
          await assert.rejects(images.load(source), told, what);
          assert.deepEqual(state.images.list(), [], what);
          assert.deepEqual(readdirSync(join(cli.data, "content/blobs/sha256")), [], what);
          for await (const { name } of snapshotter.walk()) assert.fail(`${what} left ${name}`);
        }
        await snapshotter.settled();
      } finally {
        state.close();
      }
    }),
);
