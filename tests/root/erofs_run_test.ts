/**
 * Containers whose image is an EROFS index over the layers' tars, from a registry to an end.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BUSYBOX, busyboxImage } from "../fixtures/busybox_image.ts";
import { output, withCli } from "../fixtures/cli.ts";
import { startDockerRegistry } from "../fixtures/docker_registry.ts";
import { FakeRegistry } from "../fixtures/fake_remote.ts";
import { needs } from "../fixtures/needs.ts";

const NEEDS = needs(
  "root",
  "overlayfs",
  "erofs",
  "cmd:docker-registry",
  "cmd:skopeo",
  `file:${BUSYBOX}`,
);

test("ctr run --snapshotter erofs runs an image without unpacking it", NEEDS, async () => {
  const registry = await startDockerRegistry();
  try {
    const source = new FakeRegistry();
    await registry.push(source, busyboxImage(source, "hello", { compression: "gzip" }), "e:1");
    await withCli("erofs-run", async (cli) => {
      const name = `${registry.host}/e:1`;
      const erofs = ["run", "--snapshotter", "erofs"];
      const run = async (...args: string[]): Promise<string> => {
        const { code, stdout, stderr } = await cli.run(args);
        assert.equal(code, 0, stderr);
        return stdout;
      };
      await run("pull", "-q", "--snapshotter", "erofs", name);
      const offline = [...erofs, "--pull", "never", "--rm", name];
      assert.equal(await run(...offline, "cat", "/greeting"), "hello\n");
      const script = "echo more >> /greeting; cat /greeting; grep -c ' / overlay' /proc/mounts";
      assert.equal(await run(...erofs, "--rm", name, "sh", "-c", script), "hello\nmore\n1\n");
      assert.equal(existsSync(join(cli.data, "snapshots/overlayfs")), false);

      // The tar is a blob of the layout, and nowhere else.
      const [found] = JSON.parse(await run("image", "inspect", name));
      const blobs = readdirSync(join(cli.data, "content/blobs/sha256"));
      const diffIds: string[] = found.RootFS.Layers.map((id: string) => id.slice(7));
      assert.deepEqual(diffIds.filter((id) => !blobs.includes(id)), []);
      assert.equal(blobs.length, 2 + 2 * diffIds.length);
      const kept = readdirSync(join(cli.data, "snapshots/erofs"), { recursive: true });
      assert.deepEqual(
        kept.map(String).filter((path) => /\//.test(path)).map((path) => path.replace(/^\d+/, "N"))
          .sort(),
        ["N/etc", "N/etc/group", "N/etc/passwd", "N/index", "N/members", "N/members"],
      );
      const copy = join(cli.root, "copy");
      await output(["skopeo", "copy", "-q", `oci:${cli.data}/content:${name}`, `dir:${copy}`]);
      assert.match(await run("system", "check"), /nothing lost, nothing left over/);

      const readonly = await cli.run([...erofs, "--rm", "--read-only", name, "touch", "/x"]);
      assert.match(readonly.stderr, /Read-only file system/);

      // A container that stays: started again, joined, and removed by commands that are not told.
      const id = (await run(...erofs, "-d", name, "sh", "-c", "echo x >> /x; sleep 600")).trim();
      assert.equal(await run("exec", "-u", "root", id, "cat", "/greeting"), "hello\n");
      await run("kill", id);
      await run("wait", id).catch(() => "");
      await run("start", id);
      assert.equal(await run("exec", id, "cat", "/x"), "x\nx\n");
      assert.match(await run("diff", id), /^A \/x$/m);
      assert.match(
        await run("run", "--snapshotter", "erofs", "--explain", name),
        /fsopen\("erofs"/,
      );
      await run("rm", "-f", id);

      const wrong = await cli.run(["run", "--snapshotter", "nope", "--rm", name, "true"]);
      assert.equal(wrong.code, 125);
      assert.match(wrong.stderr, /no such snapshotter/);

      await run("rmi", name);
      assert.deepEqual(readdirSync(join(cli.data, "snapshots/erofs")), []);
      assert.deepEqual(readdirSync(join(cli.data, "content/blobs/sha256")), []);
    });
  } finally {
    await registry.stop();
  }
});
