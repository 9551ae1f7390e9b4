/**
 * What `system check` finds, and `system prune` puts right.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BUSYBOX } from "../fixtures/busybox_image.ts";
import { type Cli, withCli } from "../fixtures/cli.ts";
import { writeImageArchive } from "../fixtures/image_archive.ts";
import { needs } from "../fixtures/needs.ts";

const { skip } = needs("root", "overlayfs", "x86_64", `file:${BUSYBOX}`);

/** The image `app:1` and its container `box`, which has ended. */
function withStore(work: (cli: Cli) => Promise<void>): Promise<void> {
  return withCli("check", async (cli) => {
    writeImageArchive(join(cli.root, "in.tar"), "app:1");
    await cli.ok(["load", "-i", join(cli.root, "in.tar")]);
    await cli.ok(["run", "--name", "box", "app:1", "true"]);
    await work(cli);
  });
}

interface Report {
  readonly code: number;
  readonly lost: string[];
  readonly left: string[];
}

async function check(cli: Cli, ...flags: string[]): Promise<Report> {
  const { code, stdout } = await cli.run(["system", "check", "--format", "json", ...flags]);
  const of = (kind: string): string[] =>
    JSON.parse(stdout).findings.filter((finding: { kind: string }) => finding.kind === kind)
      .map(({ subject, reason }: Record<string, string>) => `${subject}: ${reason}`);
  return { code, lost: of("lost"), left: of("left") };
}

/** Blobs from the largest on: the first is the layer. */
function blobs(cli: Cli): string[] {
  const directory = join(cli.data, "content/blobs/sha256");
  return readdirSync(directory).map((name) => join(directory, name))
    .sort((a, b) => statSync(b).size - statSync(a).size);
}

/** The directory of the snapshotter that is the default here. */
function snapshots(cli: Cli): string {
  const [name] = readdirSync(join(cli.data, "snapshots")) as [string];
  return join(cli.data, "snapshots", name);
}

test(
  "system check finds nothing in a store as it should be",
  { skip },
  () =>
    withStore(async (cli) => {
      assert.match(
        await cli.ok(["system", "check", "--digests"]),
        /^Checked 1 image, 3 blobs \(.*MB\), 2 snapshots and 1 container: nothing lost, nothing left over\.\n$/,
      );
      await cli.ok(["run", "--rm", "host", "true"]);
      assert.deepEqual(await check(cli, "--digests"), { code: 0, lost: [], left: [] });
      const wrong = await cli.run(["system", "check", "--format", "yaml"]);
      assert.equal(wrong.code, 125);
    }),
);

test("system check says what is lost", { skip }, () =>
  withStore(async (cli) => {
    const [layer] = blobs(cli) as [string];
    const id = (await cli.ok(["images", "-q", "--no-trunc"])).trim();
    const bytes = readFileSync(layer);
    writeFileSync(layer, bytes.map((byte, at) => at === 1000 ? byte ^ 1 : byte));
    assert.deepEqual((await check(cli)).lost, []);
    const digests = await check(cli, "--digests");
    assert.equal(digests.code, 1);
    assert.match(
      digests.lost.join("\n"),
      /^sha256:[0-9a-f]{64}: its bytes have the digest sha256:/,
    );
    writeFileSync(layer, bytes.subarray(0, 1000));
    assert.match((await check(cli)).lost.join("\n"), /app:1: linux\/amd64: blob .* has 1000 bytes/);
    rmSync(layer);
    const text = await cli.run(["system", "check"]);
    assert.equal(text.code, 1);
    assert.match(
      text.stdout,
      /1 thing lost, nothing left over\.\n\nLost:\n {2}docker.io\/library\/app/,
    );
    assert.match(text.stdout, /app:1: linux\/amd64: blob sha256:[0-9a-f]{64} is missing\nRemove /);
    rmSync(join(cli.data, "content/blobs", id.replace(":", "/")));
    assert.match(
      (await check(cli)).lost.join("\n"),
      /app:1: linux\/amd64: document .* is missing/,
    );

    const [directory] = readdirSync(snapshots(cli)) as [string];
    rmSync(join(snapshots(cli), directory), { recursive: true });
    rmSync(join(cli.data, "containers", cli.containerDirectories()[0]!, "config.json"));
    const { lost, left } = await check(cli);
    assert.equal(
      lost.filter((line) => /snapshot .*: its directory .* is missing/.test(line)).length,
      1,
    );
    assert.equal(
      lost.filter((line) => /^container box: .*config.json is missing/.test(line)).length,
      1,
    );
    assert.deepEqual(left, []);
  }));

test(
  "system check tells what is left over, and system prune removes it",
  { skip },
  () =>
    withStore(async (cli) => {
      writeFileSync(join(cli.data, "content/blobs/sha256", "0".repeat(64)), "left");
      writeFileSync(join(cli.data, "content/ingest", `sha256-${"1".repeat(64)}`), "left");
      writeFileSync(join(cli.data, "content/index.json"), "{");
      mkdirSync(join(snapshots(cli), "99/fs"), { recursive: true });
      mkdirSync(join(cli.data, "containers", "2".repeat(64)));
      const { code, lost, left } = await check(cli);
      assert.deepEqual([code, lost], [0, []]);
      const expected = [
        /^sha256:0+: nothing needs this blob$/,
        /^sha256-1+: an unfinished blob$/,
        /index\.json: it is out of date for other tools$/,
        /\/99: a directory that belongs to no snapshot$/,
        /containers\/2+: it belongs to no container$/,
      ];
      assert.equal(left.length, expected.length, left.join("\n"));
      for (const one of expected) assert.ok(left.some((line) => one.test(line)), String(one));
      assert.match(await cli.ok(["system", "check"]), /5 things left over\.\n\nLeft over:\n {2}/);
      const id = (await cli.ok(["ps", "-aq", "--filter", "name=box"])).trim();
      await cli.ok(["system", "prune", "-f", "--filter", "label=none"]);
      assert.deepEqual(await check(cli, "--digests"), { code: 0, lost: [], left: [] });
      assert.equal(await cli.ok(["start", id]), `${id}\n`);
    }),
);
