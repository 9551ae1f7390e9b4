/**
 * `kill -9` at a hundred points of commands that change the store: the next command works, nothing is
 * lost, and the space comes back. A point is a system call that changes a file, where strace kills the
 * process, or for pulls and pushes a chunk that the registry sends or takes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { archive, type Engine, openEngine, storeCheck } from "../../src/task/mod.ts";
import { housekeeping } from "../../src/image/mod.ts";
import { loadSnapshotter } from "../../src/snapshot/mod.ts";
import { BUSYBOX } from "../fixtures/busybox_image.ts";
import { type Cli, RUNTIME, start, withCli } from "../fixtures/cli.ts";
import { FakeRegistry } from "../fixtures/fake_remote.ts";
import { writeImageArchive } from "../fixtures/image_archive.ts";
import { needs } from "../fixtures/needs.ts";
import { random } from "../fixtures/random.ts";
import { type SlowRegistry, withSlowRegistry } from "../fixtures/slow_registry.ts";

/** Of each of six operations with each of two snapshotters; each runtime has others: 120 in all. */
const POINTS = 5;

const CALLS = "pwrite64,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,ftruncate," +
  "fsync,fdatasync,syncfs,flock,linkat,symlinkat,mknodat,copy_file_range";

interface Bench {
  readonly cli: Cli;
  readonly engine: Engine;
  readonly registry: SlowRegistry;
  /** The image that is pulled, and the one that is pushed. */
  readonly remote: string;
  readonly pushed: string;
  /** Images that are there all the time. */
  readonly names: ReadonlySet<string>;
  readonly seed: number;
}

interface Operation {
  /** Before each point. */
  prepare?(bench: Bench): Promise<void>;
  argv(bench: Bench): string[];
  /** What must work afterwards. */
  next(bench: Bench): Promise<void>;
  /** Points are what the registry is asked for, and chunks that it sends. */
  readonly requests?: true;
}

const pull = async ({ engine, remote }: Bench): Promise<void> => {
  const { id } = await engine.images.pull(remote);
  assert.equal((await engine.images.ensure(remote, { pull: "never" })).id, id);
};

const OPERATIONS: Readonly<Record<string, Operation>> = {
  "pull, by what comes": { argv: ({ remote }) => ["pull", remote], next: pull, requests: true },
  "pull, by what it writes": { argv: ({ remote }) => ["pull", remote], next: pull },
  push: {
    argv: ({ pushed }) => ["push", pushed],
    next: async ({ engine, pushed, registry }) => {
      await engine.images.push(pushed);
      assert.ok([...registry.tags.keys()].some((name) => name.startsWith("pushed:")));
      for (const [name, digest] of registry.tags) {
        if (!name.startsWith("pushed:")) continue;
        for (const { digest: layer } of manifestOf(registry, digest).layers) {
          registry.blobs.delete(layer);
        }
        registry.tags.delete(name);
      }
    },
    requests: true,
  },
  commit: {
    argv: () => ["commit", "box", "made"],
    next: async ({ engine }) => {
      const { commitContainer } = await archive();
      const { config } = await commitContainer(engine, "box", { name: "made" });
      assert.equal(config.rootfs.diff_ids.length, 2);
    },
  },
  rmi: {
    prepare: pull,
    argv: ({ remote }) => ["rmi", remote],
    next: pull,
  },
  "system prune": {
    prepare: async (bench) => {
      await pull(bench);
      const { state } = bench.engine;
      for (const { name } of state.images.list()) {
        if (name.startsWith(bench.remote)) state.images.remove(name); // its removal was killed
      }
    },
    argv: () => ["system", "prune", "-f", "--filter", "label=none"],
    next: async ({ cli }) => void await cli.ok(["system", "prune", "-f", "--filter", "label=none"]),
  },
};

for (const [snapshotter, needed] of [["overlayfs", needs()], ["erofs", needs("erofs")]] as const) {
  const { skip } = needs("root", "overlayfs", "x86_64", "cmd:strace", `file:${BUSYBOX}`);
  test(
    `${snapshotter}: kill -9 anywhere loses nothing, and the space comes back`,
    { skip: skip || needed.skip },
    () => withBench(snapshotter, killEverywhere),
  );
}

async function killEverywhere(bench: Bench): Promise<void> {
  const { cli, engine } = bench;
  await pull(bench);
  await tidy(bench);
  const clean = files(cli);
  let killed = 0;
  let points = 0;
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    const { pick } = random(name.length * 7919 + bench.seed);
    await operation.prepare?.(bench);
    const all = await pointsOf(bench, operation);
    await operation.next(bench);
    await tidy(bench);
    for (let point = 0; point < POINTS; point++) {
      const at = pick(all);
      const what = `${name}, killed at ${at.call} ${at.nth}`;
      await operation.prepare?.(bench);
      if (await killAt(bench, operation, at)) killed++;
      points++;
      const { findings } = await (await storeCheck()).checkStore(engine, { digests: true });
      assert.deepEqual(findings.filter(({ kind }) => kind === "lost"), [], what);
      await operation.next(bench).catch((cause) => {
        throw new Error(`after ${what}: ${cause.message}`, { cause });
      });
      await tidy(bench);
      assert.deepEqual(difference(files(cli), clean), { more: [], fewer: [] }, what);
    }
    await operation.prepare?.(bench);
    await cli.ok(operation.argv(bench));
    await tidy(bench);
  }
  assert.match(await cli.ok(["system", "check", "--digests"]), /nothing lost, nothing left over/);
  assert.deepEqual(files(cli), clean);
  assert.deepEqual(readdirSync(cli.temporary), []);
  // Threads share their work differently each time: some processes do not get as far as their point.
  assert.ok(killed >= points * 0.7, `${killed} of ${points} were killed`);
}

/** A moment of a command: the nth call of a name in one thread, or the nth request. */
interface Point {
  readonly call: string;
  readonly nth: number;
}

/** All points of an operation, which is done for it. */
async function pointsOf(bench: Bench, operation: Operation): Promise<Point[]> {
  const { cli, registry } = bench;
  if (operation.requests === true) {
    let count = 0;
    registry.onChunk = () => void count++;
    await cli.ok(operation.argv(bench));
    registry.onChunk = () => {};
    return Array.from({ length: count }, (_, at) => ({ call: "request", nth: at + 1 }));
  }
  const log = join(cli.root, "strace.log");
  const { code, stderr } = await traced(bench, operation, ["-o", log]);
  assert.equal(code, 0, stderr);
  const counts = new Map<string, number>();
  return [...readFileSync(log, "utf8").matchAll(/^(\d+) +(\w+)\(/gm)].map(([_, thread, call]) => {
    const nth = (counts.get(`${thread} ${call}`) ?? 0) + 1;
    counts.set(`${thread} ${call}`, nth);
    return { call: call!, nth };
  });
}

/** @returns whether it was killed. */
async function killAt(bench: Bench, operation: Operation, { call, nth }: Point): Promise<boolean> {
  const { cli, registry } = bench;
  if (operation.requests !== true) {
    const inject = `inject=${call}:signal=SIGKILL:when=${nth}`;
    const { code } = await traced(bench, operation, ["-o", "/dev/null", "-e", inject]);
    return code !== 0;
  }
  const running = cli.start(operation.argv(bench));
  let left = nth;
  registry.onChunk = () => {
    if (--left === 0) running.kill("SIGKILL");
  };
  const { signal } = await running.ended;
  registry.onChunk = () => {};
  return signal === "SIGKILL";
}

function traced(bench: Bench, operation: Operation, flags: readonly string[]) {
  const { cli } = bench;
  const argv = ["strace", "-f", "-qqq", "-e", `trace=${CALLS}`, ...flags];
  const env = {
    CTR_RUNTIME: cli.runtime,
    CTR_SNAPSHOTTER: cli.snapshotter,
    TMPDIR: cli.temporary,
  };
  return start([...argv, ...cli.argv(...operation.argv(bench))], { env }).ended;
}

/** Remove the images that were not there in the beginning, and what is left over. */
async function tidy({ engine, names }: Bench): Promise<void> {
  for (const { name } of engine.state.images.list()) {
    if (names.has(name) || engine.state.images.get(name) === undefined) continue;
    await engine.images.remove(name);
  }
  await (await housekeeping()).pruneImages(engine, { matches: () => false });
}

/** Every file of the store with its size, but for the database; and every lock. */
function files(cli: Cli): string[] {
  const found: string[] = [];
  const walk = (path: string): void => {
    const status = lstatSync(path);
    if (!status.isDirectory()) found.push(`${path.slice(cli.root.length)} ${status.size}`);
    else for (const name of readdirSync(path).sort()) walk(`${path}/${name}`);
  };
  for (const name of readdirSync(cli.data).sort()) {
    if (!name.startsWith("ctr.db")) walk(`${cli.data}/${name}`);
  }
  if (existsSync(`${cli.exec}/locks`)) walk(`${cli.exec}/locks`);
  return found;
}

function difference(now: readonly string[], before: readonly string[]) {
  return {
    more: now.filter((file) => !before.includes(file)),
    fewer: before.filter((file) => !now.includes(file)),
  };
}

function manifestOf({ blobs }: SlowRegistry, digest: string): { layers: { digest: string }[] } {
  return JSON.parse(new TextDecoder().decode(blobs.get(digest)));
}

async function withBench(
  snapshotter: string,
  work: (bench: Bench) => Promise<void>,
): Promise<void> {
  const images = new FakeRegistry();
  const noise = random(4711);
  const layer = (path: string, size: number) => [
    { path, data: Uint8Array.from({ length: size }, () => noise.int(256)) },
  ];
  const target = images.image([layer("a", 3000), layer("b", 9000), layer("c", 5000)]);
  await withSlowRegistry({ chunkBytes: 1000, pauseMs: 1 }, async (registry) => {
    for (const [digest, bytes] of images.blobs) registry.blobs.set(digest, bytes);
    registry.tags.set("app:latest", target.digest);
    await withCli("kill", async (whole) => {
      const cli = whole.by(snapshotter);
      const pushed = `${registry.host}/pushed`;
      writeImageArchive(join(cli.root, "in.tar"), "base");
      await cli.ok(["load", "-i", join(cli.root, "in.tar")]);
      await cli.ok(["tag", "base", pushed]);
      await cli.ok(["run", "--name", "box", "base", "sh", "-c", "echo x > /file"]);
      const engine = openEngine({
        directories: { data: cli.data, exec: cli.exec },
        cleanupArgv: [],
        openSnapshotter: await loadSnapshotter(snapshotter),
      });
      const names = new Set(engine.state.images.list().map(({ name }) => name));
      const remote = `${registry.host}/app`;
      const seed = snapshotter.length + (RUNTIME === "bun" ? 0 : 100);
      try {
        await work({ cli, engine, registry, remote, pushed, names, seed });
      } finally {
        engine.close();
      }
    });
  });
}
