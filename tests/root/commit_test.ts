import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { BUSYBOX } from "../fixtures/busybox_image.ts";
import { type Cli, until, withCli } from "../fixtures/cli.ts";
import { writeImageArchive } from "../fixtures/image_archive.ts";
import { withLoop } from "../fixtures/loop_fs.ts";
import { needs } from "../fixtures/needs.ts";

const { skip } = needs("root", "overlayfs", "x86_64", `file:${BUSYBOX}`);
const run = promisify(execFile);

const CHANGE = `b=/bin/busybox; echo new > /root/f; $b ln /root/f /root/g; $b ln -s f /root/l
$b rm -r /home/app; $b mkdir /home/app; touch /home/app/x; $b rm /bin/env; $b mkfifo /root/p
$b chmod 700 /root/f; $b mkdir -p /srv/a/b; $b chown 1000:2000 /srv/a; echo more >> /etc/passwd`;

const CHANGES = [
  ...["C /bin", "D /bin/env", "C /etc", "C /etc/passwd", "C /home", "C /home/app"],
  ...["A /home/app/x", "C /root", "A /root/f", "A /root/g", "A /root/l", "A /root/p"],
  ...["A /srv", "A /srv/a", "A /srv/a/b"],
];

/** Work with a container, `box`, that has changed things and ended. */
function withBox(work: (cli: Cli) => Promise<void>, snapshotter = ""): Promise<void> {
  const inside = (place?: string): Promise<void> =>
    withCli("commit", async (whole) => {
      const cli = whole.by(snapshotter);
      writeImageArchive(join(cli.root, "in.tar"), "app:1");
      await cli.ok(["load", "-i", join(cli.root, "in.tar")]);
      await cli.ok(["run", "--name", "box", "--env", "MINE=1", "app:1", "sh", "-ec", CHANGE]);
      await work(cli);
    }, place);
  return snapshotter === "btrfs" ? withLoop("btrfs", inside) : inside();
}

/** The media type of an image's topmost layer. */
async function lastLayer(cli: Cli, name: string): Promise<string> {
  const directory = join(cli.root, `saved-${name.replace(":", "-")}`);
  mkdirSync(directory);
  await cli.ok(["save", "-o", `${directory}.tar`, name]);
  await run("tar", ["-xf", `${directory}.tar`, "-C", directory]);
  const read = (path: string) => JSON.parse(readFileSync(join(directory, path), "utf8"));
  const [{ digest }] = read("index.json").manifests;
  return read(`blobs/${digest.replace(":", "/")}`).layers.at(-1).mediaType;
}

for (
  const [snapshotter, more] of [
    ["overlayfs", needs()],
    ["erofs", needs("erofs")],
    ["native", needs()],
    ["btrfs", needs("btrfs", "loop", "cmd:mkfs.btrfs")],
  ] as const
) {
  const skipped = skip || more.skip;

  test(
    `${snapshotter}: diff tells what a container added, changed and deleted`,
    { skip: skipped },
    () =>
      withBox(async (cli) => {
        assert.deepEqual((await cli.ok(["diff", "box"])).trim().split("\n"), CHANGES);
        await cli.ok(["run", "--name", "still", "app:1", "true"]);
        assert.equal(await cli.ok(["container", "diff", "still"]), "");
      }, snapshotter),
  );

  test(
    `${snapshotter}: commit makes an image of a container's changes`,
    { skip: skipped },
    () =>
      withBox(async (cli) => {
        const args = [
          "commit",
          "-a",
          "me",
          "-m",
          "why",
          "-c",
          'CMD ["cat","/root/g"]',
          "-c",
          "ENV X=y",
        ];
        const id = (await cli.ok([...args, "box", "app:2"])).trim();
        assert.match(id, /^sha256:[0-9a-f]{64}$/);
        assert.equal(await cli.ok(["run", "--rm", "app:2"]), "new\n");
        const script =
          "cat /etc/passwd; ls /home/app; stat -c %a:%u:%g:%h /root/f /srv/a; echo $MINE$X";
        const seen = await cli.ok(["run", "--rm", "app:2", "sh", "-c", script]);
        assert.match(seen, /\/home\/app:\/bin\/sh\nmore\nx\n700:0:0:2\n755:1000:2000:\d\n1y\n$/);
        assert.equal((await cli.run(["run", "--rm", "app:2", "ls", "/bin/env"])).code, 1);
        const [found] = JSON.parse(await cli.ok(["image", "inspect", "app:2"]));
        assert.deepEqual([found.Id, found.Author, found.RootFS.Layers.length], [id, "me", 2]);
        assert.ok(!found.Config.Env.some((entry: string) => entry.startsWith("HOSTNAME=")));
        assert.match(await cli.ok(["history", "app:2"]), /why\s*\n<missing>/);
        assert.match(await lastLayer(cli, "app:2"), /layer\.v1\.tar\+gzip$/);
      }, snapshotter),
  );

  test(
    `${snapshotter}: umoci unpacks a committed image to what export holds`,
    { skip: skipped || needs("cmd:umoci").skip },
    () =>
      withBox(async (cli) => {
        await cli.ok(["commit", "box", "app:2"]);
        await cli.ok(["create", "--name", "new", "app:2"]);
        const [layout, exported] = [join(cli.root, "layout"), join(cli.root, "exported")];
        for (const path of [layout, exported]) mkdirSync(path);
        await cli.ok(["save", "-o", join(cli.root, "s.tar"), "app:2"]);
        await cli.ok(["export", "-o", join(cli.root, "e.tar"), "new"]);
        await run("tar", ["-xf", join(cli.root, "s.tar"), "-C", layout]);
        await run("tar", ["-xpf", join(cli.root, "e.tar"), "-C", exported, "--numeric-owner"]);
        await run("umoci", ["unpack", "--image", `${layout}:2`, join(cli.root, "bundle")]);
        const list = async (cwd: string) => {
          const format = "%P %y %m %U %G %s %n %l %T@\n";
          const { stdout } = await run("find", [".", "-not", "-type", "d", "-printf", format], {
            cwd,
          });
          return stdout.split("\n").sort();
        };
        assert.deepEqual(await list(exported), await list(join(cli.root, "bundle/rootfs")));
      }, snapshotter),
  );
}

test(
  "commit of nothing adds no layer, and of a running container pauses it",
  { skip },
  () =>
    withBox(async (cli) => {
      await cli.ok(["run", "-d", "--name", "up", "app:1", "sleep", "1000"]);
      await cli.ok(["commit", "up", "same:1"]);
      const [found] = JSON.parse(await cli.ok(["inspect", "same:1"]));
      assert.equal(found.RootFS.Layers.length, 1);
      assert.match(await cli.ok(["ps"]), /Up (?!.*Paused).* up\n/);
      const unnamed = (await cli.ok(["commit", "--pause=false", "box"])).trim();
      assert.equal(await cli.ok(["run", "--rm", unnamed, "cat", "/root/f"]), "new\n");
      const refused = await cli.run(["commit", "box", "UP"]);
      assert.deepEqual([refused.code, /lowercase/.test(refused.stderr)], [1, true]);
      await cli.ok(["commit", "--compression", "zstd", "box", "other:1"]);
      assert.match(await lastLayer(cli, "other:1"), /layer\.v1\.tar\+zstd$/);
      assert.equal(await cli.ok(["run", "--rm", "other:1", "cat", "/root/f"]), "new\n");
      const bad = await cli.run(["commit", "--compression", "lzma", "box"]);
      assert.deepEqual([bad.code, /it is gzip or zstd/.test(bad.stderr)], [1, true]);
      const wrong = await cli.run(["commit", "-c", "RUN id", "box"]);
      assert.deepEqual([wrong.code, /not a valid change/.test(wrong.stderr)], [1, true]);
    }),
);

test(
  "a container that was paused for a commit goes on when the commit is killed",
  { skip },
  () =>
    withBox(async (cli) => {
      const fill =
        "/bin/busybox dd if=/dev/urandom of=/big bs=1M count=40 && echo filled; sleep 1000";
      await cli.ok(["run", "-d", "--name", "up", "app:1", "sh", "-c", fill]);
      await until("its file", async () => /filled/.test(await cli.ok(["logs", "up"])));
      const [{ Id }] = JSON.parse(await cli.ok(["inspect", "up"]));
      const state = join(cli.data, "containers", Id, "state.json");
      const commit = cli.start(["commit", "up", "never:1"]);
      await until("the pause", () => /"paused"/.test(readFileSync(state, "utf8")));
      assert.match(await cli.ok(["ps"]), /\(Paused\)/, "while it is committed");
      commit.kill("SIGKILL");
      assert.equal((await commit.ended).signal, "SIGKILL");
      assert.equal(await cli.ok(["exec", "up", "echo", "on"]), "on\n");
      assert.doesNotMatch(await cli.ok(["ps"]), /Paused/);
      await cli.ok(["pause", "up"]);
      assert.match(await cli.ok(["ps"]), /\(Paused\)/, "for a person it stays");
      await cli.ok(["unpause", "up"]);
    }),
);

test(
  "import makes an image of an archive from a file, a URL or stdin",
  { skip },
  () =>
    withBox(async (cli) => {
      const path = join(cli.root, "e.tar");
      await cli.ok(["export", "--output", path, "box"]);
      const server = createServer((_, answer) => void answer.end(readFileSync(path)));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      try {
        const { port } = server.address() as { port: number };
        await cli.ok([
          "import",
          "-c",
          'CMD ["cat","/root/f"]',
          "-m",
          "from a file",
          path,
          "file:1",
        ]);
        await cli.ok(["import", `http://127.0.0.1:${port}/e.tar`, "url:1"]);
      } finally {
        server.close();
      }
      assert.equal(await cli.ok(["run", "--rm", "file:1"]), "new\n");
      assert.equal(await cli.ok(["run", "--rm", "url:1", "cat", "/root/g"]), "new\n");
      assert.match(await cli.ok(["history", "file:1"]), /from a file\s*$/);
      const images = await cli.ok(["images", "-q"]);
      const bad = await cli.run(["import", "-", "bad:1"], { input: "no tar ".repeat(500) });
      assert.deepEqual([bad.code, /tar archive/.test(bad.stderr)], [1, true], bad.stderr);
      const empty = await cli.run(["import", "-"], { input: "" });
      assert.deepEqual([empty.code, /empty/.test(empty.stderr)], [1, true], empty.stderr);
      assert.equal(await cli.ok(["images", "-q"]), images);
    }),
);
