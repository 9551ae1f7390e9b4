/**
 * Many commands at once on one store, each in a process of its own.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BUSYBOX, busyboxLayer } from "../fixtures/busybox_image.ts";
import { type Cli, type Ended, RUNTIME, until, withCli } from "../fixtures/cli.ts";
import { FakeRegistry } from "../fixtures/fake_remote.ts";
import { needs } from "../fixtures/needs.ts";
import { random } from "../fixtures/random.ts";
import { type SlowRegistry, withSlowRegistry } from "../fixtures/slow_registry.ts";

const { skip } = needs("root", "overlayfs", "x86_64", `file:${BUSYBOX}`);

interface Bench {
  readonly cli: Cli;
  readonly registry: SlowRegistry;
  /** Three images, on one layer of busybox and another that two of them share. */
  readonly names: readonly string[];
}

function withStore(work: (bench: Bench) => Promise<void>): Promise<void> {
  const images = new FakeRegistry();
  const noise = random(1);
  const file = (path: string) => [
    { path, data: Uint8Array.from({ length: 30_000 }, () => noise.int(256)) },
  ];
  const shared = [busyboxLayer(), file("shared")];
  const targets = [
    images.image([...shared, file("one")]),
    images.image([...shared, file("two")]),
    images.image([busyboxLayer(), file("three")]),
  ];
  return withSlowRegistry({ chunkBytes: 50_000, pauseMs: 2 }, async (registry) => {
    for (const [digest, bytes] of images.blobs) registry.blobs.set(digest, bytes);
    targets.forEach(({ digest }, at) => registry.tags.set(`app${at}:latest`, digest));
    const names = targets.map((_, at) => `${registry.host}/app${at}`);
    await withCli("many", (cli) => work({ cli, registry, names }));
  });
}

/** Nothing is lost, and everything can be given back. */
async function endsClean(cli: Cli): Promise<void> {
  const check = await cli.run(["system", "check", "--digests"]);
  assert.match(check.stdout, /nothing lost/);
  await cli.ok(["container", "prune", "-f"]);
  await cli.ok(["image", "prune", "-a", "-f"]);
  assert.match(await cli.ok(["system", "check"]), /Checked 0 images.*nothing lost, nothing left/);
  const [snapshotter] = readdirSync(join(cli.data, "snapshots")) as [string];
  for (const path of ["content/blobs/sha256", "content/ingest", `snapshots/${snapshotter}`]) {
    assert.deepEqual(readdirSync(join(cli.data, path)), [], path);
  }
}

test(
  "several processes that pull the same do the work once",
  { skip },
  () =>
    withStore(async ({ cli, registry, names }) => {
      const pulls = await Promise.all(
        [names[0]!, names[1]!, names[0]!, names[1]!].map((name) => cli.run(["pull", name])),
      );
      for (const { code, stderr } of pulls) assert.equal(code, 0, stderr);
      assert.deepEqual([...registry.fetched.values()].filter((times) => times > 1), []);
      await endsClean(cli);
    }),
);

test(
  "when the one that downloads dies another goes on where it was",
  { skip },
  () =>
    withStore(async ({ cli, registry, names }) => {
      const first = cli.start(["pull", names[0]!]);
      const waiting: { ended: Promise<Ended> }[] = [];
      const sent = new Map<string, number>();
      registry.onChunk = async (what) => {
        if (!what.startsWith("sha256:")) return;
        sent.set(what, (sent.get(what) ?? 0) + 1);
        if (waiting.length > 0 || sent.get(what)! < 4) return;
        waiting.push(cli.start(["pull", names[0]!]));
        // The first gets nothing more before it dies.
        const file = join(cli.data, "content/ingest", what.replace(":", "-"));
        await until("three chunks on disk", () => statSync(file).size === 150_000);
        first.kill("SIGKILL");
      };
      await first.ended;
      await until("the second pull", () => waiting.length > 0);
      const { code, stderr } = await waiting[0]!.ended;
      assert.equal(code, 0, stderr);
      const [start] = registry.starts;
      assert.equal(start, 150_000);
      await endsClean(cli);
    }),
);

/** What somebody who works on the same images may be told. */
const EXPECTED =
  /no such image|is using its referenced image|is being used by running container|no such container/;

test(
  "pulls, runs, removals and prunes at once lose nothing and puzzle nobody",
  { skip },
  () =>
    withStore(async ({ cli, names }) => {
      const unexpected: string[] = [];
      const worker = async (seed: number): Promise<void> => {
        const { int, pick } = random(seed);
        for (let step = 0; step < 5; step++) {
          const name = pick(names);
          const argv = [
            ["pull", name],
            ["run", "--rm", name, "cat", "/etc/passwd"],
            ["rmi", name],
            ["rmi", "-f", name],
            ["run", "--name", `box-${seed}-${step}`, name, "true"],
            ["image", "prune", "-a", "-f"],
            ["system", "prune", "-f"],
            ["images"],
          ][int(8)]!;
          const { code, stderr, stdout } = await cli.run(argv);
          const fine = code === 0
            ? argv[1] !== "--rm" || stdout.startsWith("root:")
            : EXPECTED.test(stderr);
          if (!fine) unexpected.push(`${argv.join(" ")}: ${code} ${stderr}${stdout}`);
        }
      };
      await Promise.all(
        Array.from({ length: 8 }, (_, at) => worker(at + (RUNTIME === "bun" ? 0 : 50))),
      );
      assert.deepEqual(unexpected, []);
      await endsClean(cli);
    }),
);
