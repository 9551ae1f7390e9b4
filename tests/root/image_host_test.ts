import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openImages } from "../../src/image/mod.ts";
import { openSnapshotter, trees } from "../../src/snapshot/mod.ts";
import { openState, type State } from "../../src/state/mod.ts";
import { withLoop } from "../fixtures/loop_fs.ts";
import { mounted } from "../fixtures/mounted.ts";
import { needs } from "../fixtures/needs.ts";

const { skip } = needs("root", "overlayfs", "cmd:unshare");

async function withState(
  work: (state: State, root: string) => Promise<void>,
  place = tmpdir(),
): Promise<void> {
  const root = mkdtempSync(join(place, "ctr-host-"));
  const state = openState({ data: join(root, "data"), exec: join(root, "exec") });
  try {
    await work(state, root);
  } finally {
    state.close();
    rmSync(root, { recursive: true, force: true });
  }
}

for (
  const [name, more] of [
    ["overlayfs", needs()],
    ["native", needs()],
    ["erofs", needs("erofs")],
    ["btrfs", needs("btrfs", "loop", "cmd:mkfs.btrfs")],
  ] as const
) {
  test(
    `${name}: the image host runs the host's programs on a private /usr and shows no secrets`,
    { skip: skip || more.skip },
    () => {
      const inside = (place?: string): Promise<void> =>
        withState(async (state, root) => {
          writeFileSync(join(root, "secret"), "secret");
          const snapshotter = await openSnapshotter(name, state);
          const images = openImages({ state, snapshotter });
          const image = await images.ensure("host");
          assert.deepEqual(image.config.config?.Cmd, ["/bin/sh"]);
          const mounts = await snapshotter.prepare("c", image.chainId, { volatile: true });
          assert.equal(mounts[1]?.target, "/usr");
          const seen = await mounted(
            mounts,
            [
              "chroot . /bin/sh -c '",
              'id -u; cat /etc/passwd | wc -l; ls -A /root /home /tmp | grep -v : | tr -d "\\n";',
              "test ! -e /etc/shadow && test ! -e /etc/ssh && test ! -e /etc/ssl/private && echo none;",
              `test ! -e ${root} && echo hidden; touch /usr/bin/ctr-written /etc/x && rm /usr/bin/env;`,
              "stat -c %a / /tmp /root'",
            ].join(" "),
          );
          assert.deepEqual(seen.split("\n"), [
            "0",
            "3",
            "none",
            "hidden",
            "755",
            "1777",
            "700",
            "",
          ]);
          assert.equal(existsSync("/usr/bin/ctr-written"), false);
          assert.equal(existsSync("/usr/bin/env"), true);
          const refused = { code: "not_implemented", message: /made of this machine/ };
          const { changesOfContainer, layerOfContainer, tarOfContainer } = await trees();
          await assert.rejects(changesOfContainer(snapshotter, "c"), refused);
          for (const archive of [layerOfContainer, tarOfContainer]) {
            await assert.rejects(archive(snapshotter, "c").next(), refused);
          }
        }, place);
      return name === "btrfs" ? withLoop("btrfs", inside) : inside();
    },
  );
}

test(
  "the image host is like any other: listed, resolved by ID, removed, made again",
  { skip },
  () =>
    withState(async (state) => {
      const snapshotter = await openSnapshotter("overlayfs", state);
      const images = openImages({ state, snapshotter });
      const image = await images.resolve("host");
      assert.deepEqual(await images.resolve("host:latest"), image);
      assert.deepEqual((await images.resolve(image.id)).id, image.id);
      assert.deepEqual((await images.list()).map(({ repoTags }) => repoTags), [["host:latest"]]);
      const removed = await images.remove("host");
      assert.deepEqual(removed.slice(0, 2), [{ untagged: "host:latest" }, { deleted: image.id }]);
      assert.deepEqual(await images.list(), []);
      const again = await images.ensure("host", { pull: "always" });
      assert.equal(again.chainId, image.chainId);
      await assert.rejects(images.ensure("host", { platform: "linux/s390x" }), {
        code: "not_found",
      });
    }),
);

test(
  "the image host is made anew when the host changed",
  { skip },
  () =>
    withState(async (state) => {
      const snapshotter = await openSnapshotter("overlayfs", state);
      const images = openImages({ state, snapshotter });
      const image = await images.ensure("host");
      const record = state.images.get("host:latest")!;
      state.images.put({ ...record, labels: { "ctr.host.stamp": "another" } });
      const again = await images.ensure("host");
      assert.equal(again.chainId, image.chainId, "the same content has the same snapshot");
      assert.notEqual(state.images.get("host:latest")!.labels["ctr.host.stamp"], "another");
    }),
);
