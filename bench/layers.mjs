/**
 * Does a container's start depend on how many layers its image has? `ctr run --rm IMAGE true` of
 * the same files in one layer and in 120, with each snapshotter that stacks layers.
 *
 *     node bench/layers.mjs [--rounds=20] [--layers=120] [--only=PART,PART] [--json=FILE]
 *
 * @module
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeImage } from "./layers/image.mjs";
import { isolate } from "./start/isolate.mjs";
import { readOptions } from "./start/options.mjs";
import { ourVersion, published, runtimeVersion } from "./start/ours.mjs";
import { installed, run } from "./start/programs.mjs";
import { prepare, race, tell } from "./start/race.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { rounds, only, json, option } = readOptions("layers", root, { rounds: "20" });
const most = Number(option("layers", "120"));
isolate(process.argv.slice(1));

const work = mkdtempSync(join(tmpdir(), "ctr-bench-layers-"));
const bench = { root, work };
const archives = new Map();

function archiveOf(layers) {
  if (!archives.has(layers)) {
    const file = join(work, `${layers}.tar`);
    writeImage(file, { name: `layers:${layers}`, layers, parts: most });
    archives.set(layers, file);
  }
  return archives.get(layers);
}

function contestant(runtime, snapshotter, layers) {
  const name = `ctr run on ${runtime}, ${snapshotter}, ${layers} layer${layers === 1 ? "" : "s"}`;
  const prepare = () => {
    if (!installed(runtime)) return undefined;
    const place = join(work, `${runtime}-${snapshotter}`);
    const roots = ["--data-root", join(place, "data"), "--exec-root", join(place, "exec")];
    const base = [join(published(bench), "cli/ctr"), ...roots, "--snapshotter", snapshotter];
    const env = { CTR_RUNTIME: runtime };
    run([...base, "load", "-i", archiveOf(layers)], env);
    return {
      version: `${ourVersion(bench)}, ${runtime} ${runtimeVersion(runtime)}`,
      env,
      argv: () => [...base, "run", "--rm", "--network=none", `layers:${layers}`, "true"],
    };
  };
  return { name, prepare };
}

let failed = false;
try {
  const makers = ["bun", "deno"].flatMap((runtime) =>
    ["erofs", "overlayfs"].flatMap((snapshotter) =>
      [1, most].map((layers) => contestant(runtime, snapshotter, layers))
    )
  );
  const prepared = await prepare(makers, only);
  failed = await race(prepared.all, rounds) || prepared.failed;
  tell(prepared.all, { bench: "layers", rounds, json });
  const medians = prepared.all.map(({ times }) => times.toSorted((a, b) => a - b));
  for (const [index, { name }] of prepared.all.entries()) {
    if (!name.endsWith(`${most} layers`)) continue;
    const one = prepared.all.findIndex((other) =>
      other.name === name.replace(`${most} layers`, "1 layer")
    );
    if (one < 0) continue;
    const middle = (list) => list[Math.floor(list.length / 2)];
    console.log(
      `${name}: ${(middle(medians[index]) / middle(medians[one])).toFixed(2)} × one layer`,
    );
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
