/**
 * How long does a container take to start? The whole life of the process behind `… run --rm … true`,
 * for ctr on both runtimes and for every peer that is installed, in turns within one run.
 *
 *     node bench/start.mjs [--rounds=40] [--only=PART,PART] [--json=FILE]
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { arch, cpus, release, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeImage } from "./start/image.mjs";
import { contestants } from "./start/contestants.mjs";
import { isolate } from "./start/isolate.mjs";
import { summarize, table } from "./start/statistics.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
process.env.PATH = `${root}/node_modules/.bin:${process.env.PATH}:/usr/sbin:/sbin`;
const option = (name, otherwise) =>
  process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise;
const rounds = Number(option("rounds", "40"));
const only = option("only", "").split(",").filter((part) => part !== "");
const json = option("json", "bench/out/start.json");

const SETTLE_MS = 50;

if (process.getuid() !== 0) {
  console.error("bench/start needs root: every peer here runs as root");
  process.exit(1);
}
// Never returns in the outer process: the rest runs in a mount namespace of its own.
isolate(process.argv.slice(1));

const work = mkdtempSync(join(tmpdir(), "ctr-bench-start-"));
const stop = [];
let failed = false;
try {
  const image = makeImage(join(work, "image"));
  const all = [];
  for (const make of contestants({ root, work, image, atEnd: (undo) => stop.unshift(undo) })) {
    if (only.length > 0 && !only.some((part) => make.name.includes(part))) continue;
    try {
      const contestant = await make.prepare();
      if (contestant === undefined) console.error(`not here: ${make.name}`);
      else all.push({ name: make.name, version: "", ...contestant, times: [] });
    } catch (error) {
      console.error(`cannot prepare ${make.name}: ${error.message}`);
      if (make.name.startsWith("ctr ")) failed = true;
    }
  }
  const WARM = 3;
  for (let round = -WARM; round < rounds; round++) {
    for (const contestant of turned(all, round)) {
      await settle();
      try {
        const ms = contestant.once === undefined ? command(contestant) : await contestant.once();
        if (round >= 0) contestant.times.push(ms);
      } catch (error) {
        // One that cannot run here does not cost the others their figures.
        console.error(`${contestant.name} leaves the bench: ${error.message}`);
        all.splice(all.indexOf(contestant), 1);
        failed ||= contestant.name.startsWith("ctr ");
      }
    }
  }
  const rows = all.map(({ name, version, note, times }) => ({
    name,
    version,
    note,
    ...summarize(times),
  }));
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${arch()}, Linux ${release()}`;
  console.log(table(rows, { title: `${rounds} rounds on ${machine}` }));
  if (json !== "") {
    mkdirSync(dirname(join(root, json)), { recursive: true });
    const date = new Date().toISOString();
    writeFileSync(
      join(root, json),
      `${JSON.stringify({ bench: "start", date, machine, rounds, rows }, null, 2)}\n`,
    );
    console.log(`written to ${json}`);
  }
} finally {
  for (const undo of stop) {
    try {
      await undo();
    } catch (error) {
      console.error(`cannot clean up: ${error.message}`);
      failed = true;
    }
  }
  rmSync(work, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);

/** What the one before left to the kernel and to its daemon is not on the next one's bill. */
function settle() {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}

/** Everybody takes each place in the order equally often: the one before leaves the machine's state. */
function turned(list, round) {
  const by = ((round % list.length) + list.length) % list.length;
  return [...list.slice(by), ...list.slice(0, by)];
}

function command({ name, argv, env }) {
  const args = argv();
  const start = process.hrtime.bigint();
  const { status, stderr, error } = spawnSync(args[0], args.slice(1), {
    cwd: "/",
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ms = Number(process.hrtime.bigint() - start) / 1e6;
  if (status !== 0) throw new Error(`${name} failed: ${error?.message ?? stderr}`);
  return ms;
}
