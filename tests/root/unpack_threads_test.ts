/**
 * Large images are unpacked by threads.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash, randomFillSync } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { CtrError, SyscallError } from "../../src/errors.ts";
import { startThreads, type Unpacker } from "../../src/image/unpack_workers.ts";
import { BUSYBOX, busyboxLayer } from "../fixtures/busybox_image.ts";
import { withCli } from "../fixtures/cli.ts";
import { startDockerRegistry } from "../fixtures/docker_registry.ts";
import { FakeRegistry } from "../fixtures/fake_remote.ts";
import { needs } from "../fixtures/needs.ts";
import { tar } from "../fixtures/raw_tar.ts";

const NEEDS = needs("root", "overlayfs");
const SCRIPT = new URL("../../src/image/unpack_worker.ts", import.meta.url);

const LAYER = tar(
  { path: "etc/" },
  { path: "etc/name", data: "x".repeat(1_000_000), mode: 0o640, uid: 7, gid: 8 },
  { path: "etc/.wh.gone" },
);
const DIFF_ID = `sha256:${createHash("sha256").update(LAYER).digest("hex")}`;

async function* pieces(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function withThreads(
  script: URL,
  work: (unpacker: Unpacker, root: string) => Promise<void>,
): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "ctr-unpack-threads-"));
  const unpacker = startThreads(script, 2);
  try {
    await work(unpacker, root);
  } finally {
    unpacker.close();
    rmSync(root, { recursive: true, force: true });
  }
}

function target(root: string, name: string) {
  mkdirSync(join(root, name));
  return { root: join(root, name), whiteouts: "overlay" as const };
}

const scripts = [["threads", SCRIPT], ["this thread without them", new URL("none.ts", SCRIPT)]];
for (const [who, script] of scripts as [string, URL][]) {
  test(
    `${who} unpack layers at the same time`,
    NEEDS,
    () =>
      withThreads(script, async (unpacker, root) => {
        const results = await Promise.all(["a", "b", "c"].map((name) =>
          unpacker.unpack(
            { target: target(root, name), diffId: DIFF_ID },
            pieces(name === "b" ? LAYER : gzipSync(LAYER)),
            LAYER.length,
          )
        ));
        for (const [index, name] of ["a", "b", "c"].entries()) {
          assert.deepEqual(results[index]!.usage, { bytes: 1_000_000, inodes: 2 });
          const { mode, uid, gid, size } = lstatSync(join(root, name, "etc/name"));
          assert.deepEqual([mode & 0o7777, uid, gid, size], [0o640, 7, 8, 1_000_000]);
          assert.equal(lstatSync(join(root, name, "etc/gone")).isCharacterDevice(), true);
        }
      }),
  );
}

test(
  "a thread's errors are those of the engine, and it goes on with other layers",
  NEEDS,
  () =>
    withThreads(SCRIPT, async (unpacker, root) => {
      const unpack = (name: string, source: AsyncIterable<Uint8Array>, diffId = DIFF_ID) =>
        unpacker.unpack({ target: target(root, name), diffId }, source, 1);
      const other = `sha256:${"0".repeat(64)}`;
      await assert.rejects(unpack("other", pieces(LAYER), other), (error) => {
        assert.ok(error instanceof CtrError);
        assert.deepEqual([error.code, error.subject], ["data_loss", other]);
        return true;
      });
      const long = tar({ path: "x", pax: { path: "n".repeat(300) } });
      await assert.rejects(unpack("long", pieces(long)), (error) => {
        assert.ok(error instanceof SyscallError, String(error));
        assert.deepEqual([error.syscall, error.errnoName], ["openat", "ENAMETOOLONG"]);
        return true;
      });
      const breaking = async function* () {
        yield LAYER.subarray(0, 2000);
        throw new TypeError("reset");
      };
      await assert.rejects(unpack("breaking", breaking()), { name: "TypeError", message: "reset" });
      // What is not worth reading on is not fetched.
      let taken = 0;
      const endless = async function* () {
        for (const bad = new Uint8Array(1 << 20).fill(1);; taken++) yield bad.slice();
      };
      await assert.rejects(unpack("endless", endless()), { code: "data_loss" });
      assert.ok(taken < 20, `${taken} MB`);
      await unpack("good", pieces(LAYER));
      assert.ok(existsSync(join(root, "good/etc/name")));
    }),
);

test(
  "a large image is pulled with each snapshotter, and runs",
  needs("root", "overlayfs", "erofs", "cmd:docker-registry", "cmd:skopeo", `file:${BUSYBOX}`),
  async () => {
    const registry = await startDockerRegistry();
    try {
      const source = new FakeRegistry();
      const files = ["one", "two"].map((path) => ({
        path,
        data: randomFillSync(new Uint8Array(14 << 20)),
      }));
      const layers = [busyboxLayer(), ...files.map((file) => [file])];
      const image = source.image(layers, { compression: "none" });
      await registry.push(source, image, "large:1");
      const sums = files.map(({ path, data }) =>
        `${createHash("sha256").update(data).digest("hex")}  /${path}\n`
      );
      await withCli("unpack-threads", async (cli) => {
        for (const snapshotter of ["overlayfs", "erofs"]) {
          const how = ["--snapshotter", snapshotter];
          await cli.ok(["pull", "-q", ...how, `${registry.host}/large:1`]);
          const run = ["run", "--rm", "--pull", "never", ...how, `${registry.host}/large:1`];
          const said = await cli.ok([...run, "busybox", "sha256sum", "/one", "/two"]);
          assert.equal(said, sums.join(""));
          await cli.ok(["rmi", `${registry.host}/large:1`]);
        }
      });
    } finally {
      await registry.stop();
    }
  },
);
