import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { close } from "../../src/program/mod.ts";
import {
  applyLayer,
  commitLayer,
  openLower,
  openSnapshotter,
  type Snapshotter,
} from "../../src/snapshot/mod.ts";
import { openState } from "../../src/state/mod.ts";
import { snapshotterContract } from "../contracts/snapshotter.ts";
import type { Implementation } from "../contracts/snapshotter_case.ts";
import { snapshotterChangesContract } from "../contracts/snapshotter_changes.ts";
import { snapshotterTroubleContract } from "../contracts/snapshotter_trouble.ts";
import { mounted } from "../fixtures/mounted.ts";
import { needs } from "../fixtures/needs.ts";
import { type Member, tar } from "../fixtures/raw_tar.ts";

const { skip } = needs("root", "overlayfs", "erofs", "cmd:unshare", "cmd:python3", "cmd:setfattr");

const implementation: Implementation = {
  name: "erofs",
  open: (state) => openSnapshotter("erofs", state),
  skip,
};
snapshotterContract(implementation);
snapshotterChangesContract(implementation);
snapshotterTroubleContract(implementation);

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Work with a snapshotter over an empty store. */
async function withSnapshotter(
  work: (snapshotter: Snapshotter, directory: (number: number) => string) => Promise<void>,
): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "ctr-erofs-own-"));
  const state = openState({ data: join(root, "data"), exec: join(root, "exec") });
  try {
    const snapshots = join(state.dirs.data, "snapshots/erofs");
    await work(await openSnapshotter("erofs", state), (number) => join(snapshots, String(number)));
  } finally {
    state.close();
    rmSync(root, { recursive: true, force: true });
  }
}

async function commit(s: Snapshotter, name: string, parent: string | undefined, bytes: Uint8Array) {
  await s.prepare(`unpack-${name}`, undefined);
  const source = async function* () {
    yield bytes;
  };
  const result = await applyLayer(s, `unpack-${name}`, source);
  await commitLayer(s, { key: `unpack-${name}`, name, parent, result, source });
}

test("erofs: a layer is stored as its tar, and the index is made once for all containers", {
  skip,
}, async () => {
  await withSnapshotter(async (s, directory) => {
    const one = tar({ path: "f", data: "one" }, { path: "g", data: "deep" });
    const cut = tar({ path: "f", data: "two" }).subarray(0, 515);
    await commit(s, "one", undefined, one);
    await commit(s, "two", "one", cut);
    assert.deepEqual(readdirSync(directory(1)), ["members"]);
    assert.deepEqual(readdirSync(directory(2)).sort(), ["data", "members"]);
    const blobs = join(directory(1), "../../../content/blobs/sha256");
    assert.deepEqual(readdirSync(blobs).sort(), [one, cut].map(sha256).sort());
    assert.deepEqual(readFileSync(join(blobs, sha256(one))), Buffer.from(one));
    assert.deepEqual(
      [...s.blobs!()].sort(),
      [one, cut].map((tar) => `sha256:${sha256(tar)}`).sort(),
    );
    await s.ready!("two");
    const { ino } = statSync(join(directory(2), "index"));
    assert.equal(await mounted(await s.prepare("a", "two"), "cat f g"), "twodeep");
    await s.prepare("b", "two");
    assert.equal(statSync(join(directory(2), "index")).ino, ino);
    assert.equal(existsSync(join(directory(1), "index")), false);
  });
});

test("erofs: what a container wrote becomes a layer, with what it deleted", {
  skip,
}, async () => {
  await withSnapshotter(async (s) => {
    const base = tar({ path: "d/" }, { path: "d/f", data: "f" }, { path: "e/" }, { path: "e/g" });
    await commit(s, "base", undefined, base);
    const script =
      "rm d/f; rm -r e; mkdir e; echo new > e/n; ln e/n e/m; ln -s n e/s; chmod 711 .;" +
      "mknod null c 1 3; setfattr -n user.a -v b e/n; touch -d @77 e/n; head -c 5000 /dev/zero > z";
    await mounted(await s.prepare("c", "base"), script);
    await s.commit("top", "c");
    const look = "find . -mindepth 1 | sort; cat e/s; stat -c '%a' .; stat -c '%h %Y' e/m;" +
      "getfattr --only-values -n user.a e/n; stat -c ' %t:%T' null; cmp -n 5000 z /dev/zero";
    assert.equal(
      await mounted(await s.prepare("d", "top"), look),
      "./d\n./e\n./e/m\n./e/n\n./e/s\n./null\n./z\nnew\n711\n2 77\nb 1:3\n",
    );
  });
});

test("erofs: what a start wants to know of users is beside the index, links followed", {
  skip,
}, async () => {
  await withSnapshotter(async (s) => {
    const users = async (name: string, ...members: Member[]) => {
      await commit(s, name, undefined, tar(...members));
      const [mount] = await s.prepare(`container-${name}`, name);
      const { files } = mount!.lowers![0]!;
      return ["passwd", "group"].map((file) => {
        const path = join(files!, "etc", file);
        return existsSync(path) ? readFileSync(path, "utf8") : undefined;
      });
    };
    const linked = await users(
      "linked",
      { path: "etc", type: "2", link: "../../usr/etc" },
      { path: "usr/etc/passwd", type: "2", link: "../share/users" },
      { path: "usr/share/users", data: "root:x:0:0" },
      { path: "usr/etc/group", type: "2", link: "/usr/etc/group" },
    );
    assert.deepEqual(linked, ["root:x:0:0", undefined]);
    const odd = await users("odd", { path: "etc/passwd/" }, { path: "etc/group", type: "6" });
    assert.deepEqual(odd, [undefined, undefined]);
    for (const name of ["linked", "odd"]) {
      await s.remove(`container-${name}`);
      await s.remove(name);
    }
    await s.settled();
  });
});

test("erofs: 130 layers are one", { skip }, async () => {
  await withSnapshotter(async (s) => {
    for (let i = 0; i < 130; i++) {
      const members = [{ path: `own-${i}`, data: String(i) }, { path: "last", data: String(i) }];
      const gone = i % 2 === 1 ? [{ path: `.wh.own-${i - 1}` }] : [];
      const parent = i === 0 ? undefined : String(i - 1);
      await commit(s, String(i), parent, tar(...members, ...gone));
    }
    const [view] = await s.view("v", "129");
    assert.equal(view!.options.filter((option) => option.startsWith("device=")).length, 130);
    const fd = openLower(view!);
    try {
      const root = `/proc/${process.pid}/fd/${fd}`;
      assert.equal(readdirSync(root).length, 66);
      assert.equal(readFileSync(join(root, "last"), "utf8"), "129");
      assert.equal(readFileSync(join(root, "own-77"), "utf8"), "77");
    } finally {
      close(fd);
    }
  });
});

test("erofs: a tar that the store has is neither written nor trusted blindly", {
  skip,
}, async () => {
  await withSnapshotter(async (s, directory) => {
    const bytes = tar({ path: "f", data: "one" });
    const diffId = `sha256:${sha256(bytes)}`;
    const source = async function* () {
      yield bytes;
    };
    const unpack = async (key: string) => {
      await s.prepare(key, undefined);
      const result = await applyLayer(s, key, source, { diffId });
      await commitLayer(s, { key, name: `${key}-done`, parent: undefined, result, source, diffId });
    };
    await unpack("a");
    const blob = join(directory(1), `../../../content/blobs/sha256/${sha256(bytes)}`);
    const { ino } = statSync(blob);
    await unpack("b");
    assert.equal(statSync(blob).ino, ino);
    assert.deepEqual(readdirSync(directory(2)), ["members"]);
    assert.equal(await mounted(await s.prepare("c", "b-done"), "cat f"), "one");
    truncateSync(blob, 512);
    await assert.rejects(unpack("d"), { code: "data_loss" });
  });
});

test("erofs: a broken layer is refused, when it is unpacked or when a container is to start", {
  skip,
}, async () => {
  await withSnapshotter(async (s, directory) => {
    const refused = { code: "invalid_argument" };
    await assert.rejects(commit(s, "one", undefined, tar({ path: "x/.wh.." })), refused);
    const short = tar({ path: "f", data: "four" }).subarray(0, 513);
    await assert.rejects(commit(s, "two", undefined, short), { code: "data_loss" });
    await commit(s, "link", undefined, tar({ path: "l", type: "1", link: "nowhere" }));
    await assert.rejects(s.ready!("link"), { code: "data_loss" });
    await assert.rejects(s.prepare("c", "link"), { code: "data_loss" });
    await commit(s, "cut", undefined, tar({ path: "f", data: "f" }));
    const members = join(directory(4), "members");
    writeFileSync(members, readFileSync(members).subarray(0, -3));
    await assert.rejects(s.prepare("c", "cut"), { code: "data_loss" });
    await s.remove("cut");
    await s.remove("link");
  });
});
