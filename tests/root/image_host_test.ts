import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openImages } from "../../src/image/mod.ts";
import { openSnapshotter } from "../../src/snapshot/mod.ts";
import { openState, type State } from "../../src/state/mod.ts";
import { mounted } from "../fixtures/mounted.ts";
import { needs } from "../fixtures/needs.ts";

const { skip } = needs("root", "overlayfs", "cmd:unshare");

async function withState(work: (state: State, root: string) => Promise<void>): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "ctr-host-"));
  const state = openState({ data: join(root, "data"), exec: join(root, "exec") });
  try {
    await work(state, root);
  } finally {
    state.close();
    rmSync(root, { recursive: true, force: true });
  }
}

test(
  "the image host runs the host's programs on a private /usr and shows no secrets",
  { skip },
  () =>
    withState(async (state, root) => {
      writeFileSync(join(root, "secret"), "secret");
      const snapshotter = await openSnapshotter("overlayfs", state);
      const images = openImages({ state, snapshotter });
      const image = await images.ensure("host");
      assert.deepEqual(image.config.config?.Cmd, ["/bin/sh"]);
      const mounts = await snapshotter.prepare("c", image.chainId, { volatile: true });
      assert.equal(mounts[1]?.target, "/usr");
      const inside = await mounted(
        mounts,
        [
          "chroot . /bin/sh -c '",
          'id -u; cat /etc/passwd | wc -l; ls -A /root /home /tmp | grep -v : | tr -d "\\n";',
          "test ! -e /etc/shadow && test ! -e /etc/ssh && test ! -e /etc/ssl/private && echo none;",
          `test ! -e ${root} && echo hidden; touch /usr/bin/ctr-written /etc/x && rm /usr/bin/env;`,
          "stat -c %a / /tmp /root'",
        ].join(" "),
      );
      assert.deepEqual(inside.split("\n"), [
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
    }),
);

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

test(
  "the image host by the native snapshotter has a read-only /usr",
  { skip },
  () =>
    withState(async (state) => {
      const snapshotter = await openSnapshotter("native", state);
      const image = await openImages({ state, snapshotter }).ensure("host");
      const mounts = await snapshotter.prepare("c", image.chainId);
      const script = "chroot . /bin/sh -c 'touch /etc/x; touch /usr/x 2>&1 || true'";
      assert.match(await mounted(mounts, script), /Read-only file system/);
    }),
);
