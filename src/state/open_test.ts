import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { runtimeArgv } from "../../ffi/mod.ts";
import type { ContainerRecord, Directories, ImageRecord } from "./mod.ts";
import { isForeignKeyViolation, isUniqueViolation, lock, openState } from "./mod.ts";

function inTemp<T>(work: (dirs: Directories) => T): T {
  const root = mkdtempSync(join(tmpdir(), "ctr-state-"));
  const clean = (): void => rmSync(root, { recursive: true, force: true });
  const result = work({ data: join(root, "data"), exec: join(root, "exec") });
  if (result instanceof Promise) return result.finally(clean) as T;
  clean();
  return result;
}

function container(id: string, name: string): ContainerRecord {
  return {
    id,
    name,
    image: "alpine",
    imageId: "sha256:aa",
    platform: "linux/amd64",
    snapshotter: "overlayfs",
    snapshotKey: id,
    rootfs: "",
    createdAt: 5,
    config: {
      hostname: "h",
      user: "",
      tty: false,
      openStdin: false,
      env: [],
      cmd: [],
      entrypoint: [],
      workingDir: "",
      labels: {},
      stopSignal: "SIGTERM",
      stopTimeoutSec: 10,
    },
    hostConfig: {} as ContainerRecord["hostConfig"],
  };
}

function image(name: string, digest: string, createdAt: number): ImageRecord {
  const target = { mediaType: "application/vnd.oci.image.index.v1+json", digest, size: 7 };
  return { name, target, labels: { a: "b" }, createdAt, updatedAt: createdAt };
}

test("openState() makes a directory and files that only the owner can read", () => {
  inTemp((dirs) => {
    const state = openState(dirs);
    state.images.put(image("a", "sha256:1", 1));
    assert.equal(statSync(dirs.data).mode & 0o777, 0o700);
    for (const name of ["ctr.db", "ctr.db-wal", "ctr.db-shm"]) {
      assert.equal(statSync(join(dirs.data, name)).mode & 0o777, 0o600, name);
    }
    state.close();
    state.close();
  });
});

test("close() leaves the write-ahead log for the next process instead of waiting for the disk", () => {
  inTemp((dirs) => {
    const state = openState(dirs);
    const second = openState(dirs);
    state.images.put(image("a", "sha256:1", 1));
    state.close();
    second.close();
    assert.ok(statSync(join(dirs.data, "ctr.db-wal")).size > 0);
    const again = openState(dirs);
    assert.deepEqual(again.images.get("a"), image("a", "sha256:1", 1));
    again.close();
  });
});

test("openState() refuses a database of a newer version", () => {
  inTemp((dirs) => {
    openState(dirs).close();
    const db = new DatabaseSync(join(dirs.data, "ctr.db"));
    db.exec("PRAGMA user_version=99");
    db.close();
    assert.throws(() => openState(dirs), { code: "failed_precondition", message: /newer ctr/ });
  });
});

test("openState() is made once by eight processes at the same time", async () => {
  await inTemp(async (dirs) => {
    const mod = new URL("./mod.ts", import.meta.url).href;
    const script = join(fileURLToPath(new URL(".", import.meta.url)), "_open_race_program.ts");
    const [command, ...args] = runtimeArgv;
    const run = promisify(execFile);
    const all = Array.from(
      { length: 8 },
      (_, i) => run(command!, [...args, script, mod, JSON.stringify(dirs), String(i)]),
    );
    for (const { stdout } of await Promise.all(all)) assert.match(stdout, /^done/);
    const state = openState(dirs);
    assert.equal(state.images.list().length, 8 * 5);
    state.close();
  });
});

test("images are replaced by name, keep their creation time, and list newest first", () => {
  inTemp((dirs) => {
    const { images, close } = openState(dirs);
    images.put(image("a", "sha256:1", 1));
    images.put(image("b", "sha256:1", 2));
    images.put({ ...image("a", "sha256:2", 9), updatedAt: 9 });
    assert.deepEqual(images.list().map((i) => i.name), ["b", "a"]);
    assert.equal(images.get("a")?.createdAt, 1);
    assert.equal(images.get("a")?.target.digest, "sha256:2");
    assert.deepEqual(images.named("sha256:1").map((i) => i.name), ["b"]);
    assert.equal(images.get("c"), undefined);
    assert.equal(images.remove("a"), true);
    assert.equal(images.remove("a"), false);
    close();
  });
});

test("variants are found by target and platform and by a prefix of the image ID", () => {
  inTemp((dirs) => {
    const { images, snapshots, close } = openState(dirs);
    const variant = (target: string, platform: string, id: string) => ({
      target,
      platform,
      manifest: "sha256:m",
      id,
      chainId: "sha256:c",
      size: 3,
      config: "{}",
    });
    images.putVariant(variant("sha256:1", "linux/amd64", "sha256:ab0"));
    images.putVariant(variant("sha256:1", "linux/arm64", "sha256:ab1"));
    images.putVariant(variant("sha256:2", "linux/amd64", "sha256:abf"));
    assert.equal(images.variant("sha256:1", "linux/arm64")?.id, "sha256:ab1");
    assert.equal(images.variant("sha256:1", "linux/s390x"), undefined);
    images.put(image("a", "sha256:1", 1));
    assert.deepEqual(images.find("a", "linux/arm64", "overlayfs"), {
      record: image("a", "sha256:1", 1),
      variant: variant("sha256:1", "linux/arm64", "sha256:ab1"),
      unpacked: false,
    });
    snapshots("overlayfs").insert({
      name: "sha256:c",
      kind: "committed",
      parent: undefined,
      labels: {},
      createdAt: 0,
    });
    assert.equal(images.find("a", "linux/arm64", "overlayfs")?.unpacked, true);
    assert.equal(images.find("a", "linux/arm64", "native")?.unpacked, false);
    assert.equal(images.find("a", "linux/s390x", "native")?.variant, undefined);
    assert.equal(images.find("b", "linux/arm64", "native"), undefined);
    assert.equal(images.variantsById("sha256:ab").length, 3);
    assert.equal(images.variantsById("sha256:abf").length, 1);
    assert.equal(images.variants("sha256:1").length, 2);
    images.removeVariants("sha256:1");
    assert.equal(images.variants().length, 1);
    close();
  });
});

test("containers.resolve() takes a full ID, else a name, else a unique prefix", () => {
  inTemp((dirs) => {
    const { containers, close } = openState(dirs);
    const one = container("ab" + "0".repeat(62), "web");
    const two = container("ac" + "0".repeat(62), "ab");
    containers.insert(one);
    containers.insert(two);
    assert.deepEqual(containers.resolve(one.id), one);
    assert.equal(containers.resolve("web").id, one.id);
    assert.equal(containers.resolve("/web").id, one.id);
    assert.equal(containers.resolve("ab").id, two.id, "a name wins over a prefix");
    assert.equal(containers.resolve("ab0").id, one.id);
    assert.throws(() => containers.resolve("a"), {
      code: "invalid_argument",
      message: 'cannot find container "a": multiple IDs found with provided prefix',
    });
    assert.throws(() => containers.resolve("nope", "stop"), {
      code: "not_found",
      message: 'cannot stop "nope": no such container',
    });
    assert.throws(() => containers.resolve("%"), { code: "not_found" });
    assert.throws(() => containers.resolve(""), { code: "not_found" });
    close();
  });
});

test("containers.insert() and update() refuse a name in use and say by whom", () => {
  inTemp((dirs) => {
    const { containers, close } = openState(dirs);
    const one = container("1".repeat(64), "web");
    const two = container("2".repeat(64), "db");
    containers.insert(one);
    assert.throws(() => containers.insert({ ...two, name: "web" }), {
      code: "conflict",
      message: `cannot create container "web": the container name "/web" is already in use by ` +
        `container "${one.id}"; remove (or rename) that container to be able to reuse that name`,
    });
    containers.insert(two);
    assert.throws(() => containers.update(two.id, { name: "web" }), { code: "conflict" });
    assert.equal(containers.update(two.id, { name: "db2" }).name, "db2");
    assert.equal(containers.resolve("db2").id, two.id);
    assert.throws(() => containers.update("3", {}), { code: "not_found" });
    assert.deepEqual(containers.ofImage("sha256:aa").length, 2);
    assert.equal(containers.remove(one.id), true);
    assert.equal(containers.get(one.id), undefined);
    close();
  });
});

test("transaction() rolls everything back when the work throws, also when nested", () => {
  inTemp((dirs) => {
    const state = openState(dirs);
    assert.throws(() =>
      state.transaction(() => {
        state.images.put(image("a", "sha256:1", 1));
        state.transaction(() => state.images.put(image("b", "sha256:1", 1)));
        throw new Error("no");
      }), /no/);
    assert.equal(state.images.list().length, 0);
    assert.equal(state.transaction(() => 5), 5);
    state.close();
  });
});

test("snapshots form chains per snapshotter and numbers are never given twice", () => {
  inTemp((dirs) => {
    const state = openState(dirs);
    const table = state.snapshots("overlayfs");
    const row = { kind: "committed" as const, labels: {}, createdAt: 1 };
    const base = table.insert({ ...row, name: "base", parent: undefined });
    const top = table.insert({ ...row, name: "top", parent: base, labels: { k: "v" } });
    assert.deepEqual(table.chain("nope"), []);
    assert.deepEqual(table.chain("top").map((s) => s.name), ["top", "base"]);
    assert.equal(table.get("top")?.labels["k"], "v");
    assert.throws(() => table.remove("base"), isForeignKeyViolation);
    assert.equal(state.snapshots("native").get("top"), undefined);
    assert.throws(
      () => table.insert({ ...row, name: "top", parent: undefined }),
      isUniqueViolation,
    );
    assert.throws(() => table.insert({ ...row, name: "x", parent: 99 }), isForeignKeyViolation);
    assert.equal(table.remove("top"), top);
    assert.equal(table.remove("top"), undefined);
    assert.equal(table.remove("base"), base);
    assert.ok(table.insert({ ...row, name: "next", parent: undefined }) > top);
    state.close();
  });
});

test("lock() excludes, is shared on request, times out and is released", async () => {
  await inTemp(async (dirs) => {
    const first = await lock(dirs, "layer/sha256:x");
    await assert.rejects(lock(dirs, "layer/sha256:x", { timeoutMs: 20 }), {
      code: "deadline_exceeded",
    });
    await assert.rejects(lock(dirs, "layer/sha256:x", { signal: AbortSignal.abort() }), {
      code: "canceled",
    });
    const waiting = lock(dirs, "layer/sha256:x", { shared: true, timeoutMs: 5000 });
    first.release();
    first.release();
    using _one = await waiting;
    using _two = await lock(dirs, "layer/sha256:x", { shared: true, timeoutMs: 0 });
    await assert.rejects(lock(dirs, "layer/sha256:x", { timeoutMs: 0 }));
  });
});
