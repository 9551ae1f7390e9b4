/**
 * How long does a pull take, into an empty store? `pull` as a whole process, for ctr on both runtimes
 * and with two snapshotters, and for every peer that is installed, in turns within one run; also the
 * removal, ctr's memory, and the list of a large store.
 *
 *     node bench/pull.mjs [--rounds=8] [--only=PART,PART] [--parts=large,small,memory,list] [--json=FILE]
 *
 * @module
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { contestants } from "./pull/contestants.mjs";
import { ownDisk } from "./pull/disk.mjs";
import { largeImage, publish, smallImage } from "./pull/image.mjs";
import { listings } from "./pull/listing.mjs";
import { peakMemory } from "./pull/memory.mjs";
import { ownRegistry } from "./pull/registry.mjs";
import { pullRounds } from "./pull/rounds.mjs";
import { isolate } from "./start/isolate.mjs";
import { readOptions } from "./start/options.mjs";
import { prepare, show, undone, write } from "./start/race.mjs";
import { run } from "./start/programs.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { rounds, only, json, option } = readOptions("pull", root, { rounds: "8" });
const parts = option("parts", "large,small,memory,list").split(",");
// Never returns in the outer process: the rest has mounts and a network of its own.
isolate(process.argv.slice(1), { net: true });

const PEERS = ["docker", "podman", "containerd"];
const work = mkdtempSync(join(tmpdir(), "ctr-bench-pull-"));
const stop = [];
const result = { bench: "pull", rounds };
let failed = false;
try {
  const atEnd = (undo) => stop.unshift(undo);
  const bench = { root, work, atEnd, disk: ownDisk({ work, atEnd }) };
  const host = await ownRegistry(bench);
  const { all, failed: unprepared } = await prepare(contestants(bench), only);
  failed = unprepared;
  const images = {};
  const make = { large: largeImage, small: smallImage };
  for (const name of ["large", "small"]) {
    if (!parts.includes(name) && !(name === "large" && parts.includes("memory"))) continue;
    images[name] = `${host}/bench/${name}:latest`;
    const has = await publish(make[name](), { host, repository: `bench/${name}` });
    console.log(
      `${name}: ${has.layers} layers, ${has.entries} entries, ` +
        `${mb(has.tarBytes)} MB of tar, ${mb(has.blobBytes)} MB compressed`,
    );
  }
  for (const name of ["large", "small"].filter((part) => parts.includes(part))) {
    const { pulls, removals, ...how } = await pullRounds(all, { rounds, image: images[name] });
    failed ||= how.failed;
    const { rows, machine } = show(pulls, { rounds, what: `pull, ${name}`, peers: PEERS });
    const { rows: removed } = show(removals, { rounds, what: `rmi, ${name}`, peers: PEERS });
    Object.assign(result, { machine, [name]: rows, [`${name} rmi`]: removed });
  }
  if (parts.includes("memory")) result.memory = await memory(all, images.large);
  if (parts.includes("list")) {
    result.list = show(listings(bench), { rounds: 15, what: "list", peers: [] }).rows;
  }
  write(result, json);
} finally {
  failed = !await undone(stop) || failed;
  rmSync(work, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);

/** The peers' work is done by their daemons, or is not the question. */
async function memory(all, image) {
  const peaks = {};
  for (const { name, env, pull, remove } of all.filter(({ name }) => name.startsWith("ctr"))) {
    peaks[name] = Math.round(await peakMemory({ argv: pull(image), env }));
    run(remove(image), env);
    console.log(`${name}: ${peaks[name]} MB at most`);
  }
  return peaks;
}

function mb(bytes) {
  return (bytes / 1e6).toFixed(0);
}
