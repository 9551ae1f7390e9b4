/**
 * Lets contestants take turns and times each.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { arch, cpus, release, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { summarize, table } from "./statistics.mjs";

const SETTLE_MS = 50;
const WARM_ROUNDS = 3;

/** Those that can take part here, prepared. @returns whether one of ours could not be */
export async function prepare(makers, only) {
  const all = [];
  let failed = false;
  for (const make of makers) {
    if (only.length > 0 && !only.some((part) => make.name.includes(part))) continue;
    try {
      const contestant = await make.prepare();
      if (contestant === undefined) console.error(`not here: ${make.name}`);
      else all.push({ name: make.name, version: "", ...contestant, times: [] });
    } catch (error) {
      console.error(`cannot prepare ${make.name}: ${error.message}`);
      failed ||= make.name.startsWith("ctr");
    }
  }
  return { all, failed };
}

/** Everybody in every round. @returns whether one of ours failed */
export async function race(all, rounds) {
  let failed = false;
  for (let round = -WARM_ROUNDS; round < rounds; round++) {
    for (const contestant of turned(all, round)) {
      await settle();
      try {
        const ms = contestant.once === undefined ? once(contestant) : await contestant.once();
        if (round >= 0) contestant.times.push(ms);
      } catch (error) {
        // One that cannot run here does not cost the others their figures.
        console.error(`${contestant.name} leaves the bench: ${error.message}`);
        all.splice(all.indexOf(contestant), 1);
        failed ||= contestant.name.startsWith("ctr");
      }
    }
  }
  return failed;
}

/** Print the table and write the file. */
export function tell(all, { bench, rounds, json }) {
  const { rows, machine } = show(all, { rounds });
  write({ bench, machine, rounds, rows }, json);
}

/** Print the table. */
export function show(all, { rounds, ...how }) {
  const rows = all.map(({ name, version, note, times }) => ({
    name,
    version,
    note,
    ...summarize(times),
  }));
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${arch()}, Linux ${release()}`;
  console.log(table(rows, { title: `${rounds} rounds on ${machine}`, ...how }));
  return { rows, machine };
}

/** Write the file. */
export function write(result, json) {
  if (json === undefined) return;
  mkdirSync(dirname(json), { recursive: true });
  const date = new Date().toISOString();
  writeFileSync(json, `${JSON.stringify({ date, ...result }, null, 2)}\n`);
  console.log(`written to ${json}`);
}

/** What the one before left to the kernel and to its daemon is not on the next one's bill. */
export function settle() {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}

/** Everybody takes each place in the order equally often: the one before leaves the machine's state. */
export function turned(list, round) {
  const by = ((round % list.length) + list.length) % list.length;
  return [...list.slice(by), ...list.slice(0, by)];
}

function once({ name, argv, env }) {
  return timed(argv(), { name, env });
}

/** Milliseconds of a command's whole life. @throws {Error} when it fails */
export function timed(argv, { name = argv[0], env = {} } = {}) {
  // A file, not a pipe: a container that waits for its start would keep the pipe open.
  const said = join(tmpdir(), `ctr-bench-said-${process.pid}`);
  const fd = openSync(said, "w+");
  try {
    const start = process.hrtime.bigint();
    const { status, error } = spawnSync(argv[0], argv.slice(1), {
      cwd: "/",
      env: { ...process.env, ...env },
      stdio: ["ignore", "ignore", fd],
    });
    const ms = Number(process.hrtime.bigint() - start) / 1e6;
    if (status === 0) return ms;
    throw new Error(`${name} failed: ${error?.message ?? readFileSync(said, "utf8")}`);
  } finally {
    closeSync(fd);
    rmSync(said, { force: true });
  }
}

/** Undo everything, whatever fails of it. @returns whether nothing did */
export async function undone(steps) {
  let good = true;
  for (const undo of steps) {
    try {
      await undo();
    } catch (error) {
      console.error(`cannot clean up: ${error.message}`);
      good = false;
    }
  }
  return good;
}
