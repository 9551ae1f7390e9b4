/**
 * How the peers run one container.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ownCtr, ownDocker, ownPodman } from "./engines.mjs";
import { IMAGE } from "./image.mjs";
import { firstLine, installed, run } from "./programs.mjs";

let count = 0;
const id = () => `ctr-bench-${process.pid}-${count++}`;

/** runc and crun: a bare bundle, no image, no log, no shim. */
export async function runtime({ work, image }, name) {
  if (!installed(name)) return undefined;
  const bundle = join(work, `${name}-bundle`);
  mkdirSync(bundle);
  execFileSync(name, ["spec"], { cwd: bundle });
  const path = join(bundle, "config.json");
  const spec = JSON.parse(readFileSync(path, "utf8"));
  spec.process.terminal = false;
  spec.process.args = ["/bin/true"];
  spec.root = { path: image.rootfs, readonly: false };
  writeFileSync(path, JSON.stringify(spec));
  const version = firstLine([name, "--version"]).replace(/^\w+ (version )?/, "");
  const state = join(work, `${name}-state`);
  return await Promise.resolve({
    version,
    note: "bare bundle",
    argv: () => [name, "--root", state, "run", "--bundle", bundle, id()],
  });
}

export async function podman(bench) {
  const engine = ownPodman(bench);
  if (engine === undefined) return undefined;
  const { base, env, version } = engine;
  run([...base, "load", "--quiet", "--input", bench.image.archive], env);
  return await Promise.resolve({
    version,
    env,
    argv: () => [...base, "run", "--rm", "--network=none", "--pull=never", IMAGE, "true"],
  });
}

export async function containerd(bench) {
  const engine = await ownCtr(bench);
  if (engine === undefined) return undefined;
  const { base, version } = engine;
  run([...base, "images", "import", bench.image.archive]);
  bench.atEnd(() => run([...base, "images", "rm", "--sync", IMAGE]));
  return { version, argv: () => [...base, "run", "--rm", IMAGE, id(), "true"] };
}

export async function docker(bench) {
  const engine = await ownDocker(bench);
  if (engine === undefined) return undefined;
  const { base, env, version } = engine;
  run([...base, "load", "--quiet", "--input", bench.image.archive], env);
  return {
    version,
    env,
    argv: () => [...base, "run", "--rm", "--network=none", "--pull=never", IMAGE, "true"],
  };
}
