/**
 * How long does a container take to start? The whole life of the process behind `… run --rm … true`,
 * for ctr on both runtimes and for every peer that is installed, in turns within one run.
 *
 *     node bench/start.mjs [--rounds=40] [--only=PART,PART] [--json=FILE]
 *
 * @module
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeImage } from "./start/image.mjs";
import { contestants } from "./start/contestants.mjs";
import { isolate } from "./start/isolate.mjs";
import { readOptions } from "./start/options.mjs";
import { prepare, race, tell, undone } from "./start/race.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { rounds, only, json } = readOptions("start", root);
// Never returns in the outer process: the rest runs in a mount namespace of its own.
isolate(process.argv.slice(1));

const work = mkdtempSync(join(tmpdir(), "ctr-bench-start-"));
const stop = [];
let failed = false;
try {
  const image = makeImage(join(work, "image"));
  const makers = contestants({ root, work, image, atEnd: (undo) => stop.unshift(undo) });
  const prepared = await prepare(makers, only);
  failed = await race(prepared.all, rounds) || prepared.failed;
  tell(prepared.all, { bench: "start", rounds, json });
} finally {
  failed = !await undone(stop) || failed;
  rmSync(work, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
