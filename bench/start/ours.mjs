/**
 * ctr itself: the command line, and the library in one long-lived process.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { daemon, freePort } from "./daemon.mjs";
import { firstLine, installed, run } from "./programs.mjs";

/** `cli/ctr run --rm --network none IMAGE true`. */
export async function ctr(bench, runtime, image) {
  if (!installed(runtime)) return undefined;
  const { base, env, reference } = await store(bench, runtime, image);
  return {
    version: `${ourVersion(bench)}, ${runtime} ${runtimeVersion(runtime)}`,
    env,
    argv: () => [...base, "run", "--rm", "--network=none", reference, "true"],
  };
}

/** Create to exit of `true`, in a process that runs on. */
export async function library(bench, runtime) {
  if (!installed(runtime)) return undefined;
  const { env, data, exec, reference } = await store(bench, runtime, "busybox");
  const program = join(bench.root, "bench/start/library.ts");
  const argv = runtime === "bun" ? ["bun", program] : ["deno", "run", "-A", "--quiet", program];
  const child = spawn(argv[0], [...argv.slice(1), data, exec, reference], {
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  bench.atEnd(async () => {
    child.stdin.end();
    if (child.exitCode === null) await new Promise((resolve) => child.once("exit", resolve));
  });
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`the library on ${runtime} ended early`);
    return Number(value);
  };
  await answer();
  return {
    version: `${ourVersion(bench)}, ${runtime} ${runtimeVersion(runtime)}`,
    note: "create to exit in one process",
    once: () => {
      child.stdin.write("\n");
      return answer();
    },
  };
}

const stores = new Map();

let packed;

/** The package as npm would publish it, unpacked: what users run, not a working copy. */
export function published(bench) {
  if (packed === undefined) {
    const to = join(bench.work, "package");
    mkdirSync(to);
    run(["npm", "pack", "--silent", "--pack-destination", bench.work, bench.root], {});
    const [file] = readdirSync(bench.work).filter((name) => name.endsWith(".tgz"));
    run(["tar", "-xzf", join(bench.work, file), "-C", to, "--strip-components=1"], {});
    packed = to;
  }
  return packed;
}

/** Directories for one runtime, with both images in them. */
async function store(bench, runtime, image) {
  const data = join(bench.work, `ctr-${runtime}`, "data");
  const exec = join(bench.work, `ctr-${runtime}`, "exec");
  const base = [join(published(bench), "cli/ctr"), "--data-root", data, "--exec-root", exec];
  const env = { CTR_RUNTIME: runtime };
  const key = `${runtime} ${image}`;
  if (!stores.has(key)) {
    stores.set(key, image === "host" ? host(base, env) : busybox(bench, base, env));
    bench.atEnd(() => {
      const left = run([...base, "ps", "-aq"], env).split("\n").filter((id) => id !== "");
      if (left.length > 0) run([...base, "rm", "-f", ...left], env);
    });
  }
  return { base, env, data, exec, reference: await stores.get(key) };
}

async function host(base, env) {
  run([...base, "run", "--rm", "host", "true"], env);
  return await Promise.resolve("host");
}

/** The image that the peers have comes from a registry, as it does for everybody. */
async function busybox(bench, base, env) {
  if (!installed("docker-registry") || !installed("skopeo")) {
    console.error("no docker-registry and skopeo: ctr runs the image host instead of busybox");
    return await host(base, env);
  }
  const own = join(bench.work, `registry-${env.CTR_RUNTIME}`);
  mkdirSync(own);
  const port = await freePort();
  const config = join(own, "config.yml");
  const storage = `{ filesystem: { rootdirectory: "${own}/data" } }`;
  writeFileSync(config, `version: 0.1\nstorage: ${storage}\nhttp: { addr: "127.0.0.1:${port}" }\n`);
  const ready = () => fetch(`http://127.0.0.1:${port}/v2/`).then(({ ok }) => ok, () => false);
  const stop = await daemon(["docker-registry", "serve", config], { log: join(own, "log"), ready });
  try {
    const reference = `127.0.0.1:${port}/busybox:latest`;
    const source = `docker-archive:${bench.image.archive}`;
    const flags = ["--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false"];
    run(["skopeo", ...flags, source, `docker://${reference}`]);
    run([...base, "pull", "--quiet", reference], env);
    return reference;
  } finally {
    await stop();
  }
}

export function ourVersion({ root }) {
  return JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version;
}

export function runtimeVersion(runtime) {
  return firstLine([runtime, "--version"]).match(/\d+\.\d+\.\d+/)?.[0] ?? "";
}
