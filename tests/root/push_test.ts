/**
 * `ctr push` to a real registry; skopeo and another store read what is there.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { BUSYBOX, busyboxImage } from "../fixtures/busybox_image.ts";
import { output, withCli } from "../fixtures/cli.ts";
import { startDockerRegistry } from "../fixtures/docker_registry.ts";
import { FakeRegistry } from "../fixtures/fake_remote.ts";
import { needs } from "../fixtures/needs.ts";

const NEEDS = needs("root", "overlayfs", "cmd:docker-registry", "cmd:skopeo", `file:${BUSYBOX}`);

test(
  "what is pushed is what was pulled, in another repository and another registry",
  NEEDS,
  async () => {
    const [first, second] = await Promise.all([startDockerRegistry(), startDockerRegistry()]);
    try {
      await withCli("push", async (cli) => {
        const source = new FakeRegistry();
        const image = busyboxImage(source, "pushed");
        await first.push(source, image, "team/app:1");
        const name = `${first.host}/team/app:1`;
        await cli.ok(["pull", "-q", name]);

        const again = await cli.ok(["push", name]);
        assert.match(
          again,
          new RegExp(`^The push refers to repository \\[${first.host}/team/app\\]$`, "m"),
        );
        assert.match(again, /^[0-9a-f]{12}: Layer already exists$/m);
        assert.ok(!/Pushed/.test(again), again);
        const size = source.blobs.get(image.digest)!.length;
        assert.ok(again.endsWith(`\n1: digest: ${image.digest} size: ${size}\n`), again);

        await cli.ok(["tag", name, `${first.host}/copy`]);
        assert.match(
          await cli.ok(["push", `${first.host}/copy`]),
          /^\w+: Mounted from team\/app$/m,
        );

        const other = `${second.host}/elsewhere:v1`;
        await cli.ok(["tag", name, other]);
        assert.match(await cli.ok(["image", "push", other]), /^\w+: Pushed$/m);
        assert.equal(await cli.ok(["push", "-q", other]), `${other}\n`);
        await cli.ok(["tag", name, `${second.host}/elsewhere:v2`]);
        const all = await cli.ok(["push", "--all-tags", `${second.host}/elsewhere`]);
        assert.deepEqual(all.match(/^v\d(?=: digest: )/mg), ["v1", "v2"]);
        const inspect = ["skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}"];
        assert.equal(await output([...inspect, `docker://${other}`]), `${image.digest}\n`);
        await cli.ok(["rmi", name, other, `${second.host}/elsewhere:v2`, `${first.host}/copy`]);
        assert.equal(
          await cli.ok(["run", "--rm", "-q", other, "cat", "/greeting"]),
          "pushed\n",
        );
      });
    } finally {
      await Promise.all([first.stop(), second.stop()]);
    }
  },
);

test("of an index the platforms that are here are pushed", NEEDS, async () => {
  const docker = await startDockerRegistry();
  try {
    await withCli("push", async (cli) => {
      const source = new FakeRegistry();
      const [amd64, arm64] = ["amd64", "arm64"].map((architecture) =>
        busyboxImage(source, architecture, { architecture })
      ) as [ReturnType<typeof busyboxImage>, ReturnType<typeof busyboxImage>];
      const index = source.index({ "linux/amd64": amd64, "linux/arm64": arm64 });
      await docker.push(source, index, "many:1");
      const name = `${docker.host}/many:1`;
      const [one, both] = [`${docker.host}/one:1`, `${docker.host}/both:1`];
      const digest = async (what: string) =>
        await output(["skopeo", "inspect", "--raw", "--tls-verify=false", `docker://${what}`]);
      await cli.ok(["pull", "-q", "--platform", "linux/arm64", name]);
      await cli.ok(["tag", name, one]);
      const alone = await cli.run(["push", "--platform", "linux/arm64", one]);
      assert.equal(alone.code, 0, alone.stderr);
      assert.equal(await digest(one), new TextDecoder().decode(source.blobs.get(arm64.digest)));
      await cli.ok(["pull", "-q", "--platform", "linux/amd64", name]);
      await cli.ok(["tag", name, both]);
      await cli.ok(["push", both]);
      assert.equal(await digest(both), new TextDecoder().decode(source.blobs.get(index.digest)));
    });
  } finally {
    await docker.stop();
  }
});

test("a push that cannot be says why", NEEDS, () =>
  withCli("push", async (cli) => {
    const missing = await cli.run(["push", "127.0.0.1:1/nope"]);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /^ctr: cannot find image "127.0.0.1:1\/nope": no such image/);
    const tag = await cli.run(["push", "-a", "x:1"]);
    assert.deepEqual([tag.code, /tag can't be used/.test(tag.stderr)], [1, true], tag.stderr);
    assert.match(
      (await cli.run(["push", "-a", "x"])).stderr,
      /no image of that repository is here/,
    );
  }));
