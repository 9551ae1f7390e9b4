/**
 * How long does an OCI runtime take for a bare bundle? `run` as a whole process, and `create`, `start`
 * and `delete` as three, for ctr-oci on both runtimes and for every peer that is installed, in turns
 * within one run. Between `start` and `delete` the container ends, which is on nobody's bill.
 *
 *     node bench/oci.mjs [--rounds=40] [--only=PART,PART] [--json=FILE]
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeImage } from "./start/image.mjs";
import { isolate } from "./start/isolate.mjs";
import { ourVersion, published, runtimeVersion } from "./start/ours.mjs";
import { firstLine, installed } from "./start/programs.mjs";
import { readOptions } from "./start/options.mjs";
import { prepare, race, tell, timed } from "./start/race.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { rounds, only, json } = readOptions("oci", root);
// Never returns in the outer process: the rest runs in a mount namespace of its own.
isolate(process.argv.slice(1));

const work = mkdtempSync(join(tmpdir(), "ctr-bench-oci-"));
let count = 0;
let failed = false;
try {
  const image = makeImage(join(work, "image"));
  const bundle = join(work, "bundle");
  mkdirSync(bundle);
  writeFileSync(join(bundle, "config.json"), JSON.stringify(specOf(image.rootfs)));
  const own = join(published({ root, work }), "cli/ctr-oci");
  const runtimes = [
    ...["bun", "deno"].map((runtime) => ({
      name: `ctr-oci on ${runtime}`,
      there: () => installed(runtime),
      argv: [own],
      env: { CTR_RUNTIME: runtime },
      version: () => `${ourVersion({ root })}, ${runtime} ${runtimeVersion(runtime)}`,
    })),
    ...["crun", "runc"].map((name) => ({
      name,
      there: () => installed(name),
      argv: [name],
      env: {},
      version: () => firstLine([name, "--version"]).replace(/^\w+ (version )?/, ""),
    })),
  ];
  const makers = runtimes.flatMap((runtime) => [
    { name: `${runtime.name} run`, prepare: () => contestant(runtime, bundle, runWhole) },
    { name: `${runtime.name} in three`, prepare: () => contestant(runtime, bundle, runInThree) },
  ]);
  const prepared = await prepare(makers, only);
  failed = await race(prepared.all, rounds) || prepared.failed;
  tell(prepared.all, { bench: "oci", rounds, json });
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);

function contestant(runtime, bundle, once) {
  if (!runtime.there()) return Promise.resolve(undefined);
  const state = join(work, runtime.name.replaceAll(" ", "-"));
  const call = (...args) =>
    timed([...runtime.argv, "--root", state, ...args], { name: runtime.name, env: runtime.env });
  return Promise.resolve({
    version: runtime.version(),
    once: () => once(call, { state, bundle, id: `ctr-bench-${process.pid}-${count++}`, runtime }),
  });
}

function runWhole(call, { bundle, id }) {
  return call("run", "--bundle", bundle, id);
}

async function runInThree(call, { state, bundle, id, runtime }) {
  const created = call("create", "--bundle", bundle, id);
  const { pid } = JSON.parse(execFileSync(
    runtime.argv[0],
    ["--root", state, "state", id],
    { env: { ...process.env, ...runtime.env } },
  ));
  const started = call("start", id);
  while (alive(pid)) await new Promise((resolve) => setTimeout(resolve, 2));
  return created + started + call("delete", id);
}

/** A process that has ended may stay for a while until whoever adopted it reaps it. */
function alive(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}

/** What `runc spec` writes, with `true` for the shell. */
function specOf(rootfs) {
  const bundle = join(work, "spec");
  mkdirSync(bundle);
  execFileSync(installed("runc") ? "runc" : join(root, "cli/ctr-oci"), ["spec"], { cwd: bundle });
  const spec = JSON.parse(readFileSync(join(bundle, "config.json"), "utf8"));
  spec.process.terminal = false;
  spec.process.args = ["/bin/true"];
  spec.root = { path: rootfs, readonly: false };
  return spec;
}
