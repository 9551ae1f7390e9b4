/**
 * The peers: each with directories, sockets and daemons of its own, which end with the bench.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { daemon, there, wait } from "./daemon.mjs";
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

export async function podman({ work, image, atEnd }) {
  if (!installed("podman")) return undefined;
  const own = join(work, "podman");
  mkdirSync(own);
  const conf = join(own, "containers.conf");
  // The default limits are above what this machine may have: podman would fail to set them.
  const limits = [["nofile", "open files"], ["nproc", "processes"]]
    .map(([name, words]) => [name, Math.min(hardLimit(words), 16384)])
    .map(([name, most]) => `"${name}=${most}:${most}"`);
  writeFileSync(
    conf,
    [
      "[containers]",
      `default_ulimits = [${limits}]`,
      "[engine]",
      'cgroup_manager = "cgroupfs"',
      'events_logger = "file"',
    ].join("\n"),
  );
  const env = { CONTAINERS_CONF: conf };
  const base = [
    "podman",
    ...["--root", join(own, "root"), "--runroot", join(own, "run")],
    ...["--tmpdir", join(own, "tmp"), "--storage-driver", "overlay"],
  ];
  run([...base, "load", "--quiet", "--input", image.archive], env);
  atEnd(() => run([...base, "rmi", "--all", "--force"], env));
  return await Promise.resolve({
    version: firstLine(["podman", "--version"]).replace("podman version ", ""),
    env,
    argv: () => [...base, "run", "--rm", "--network=none", "--pull=never", IMAGE, "true"],
  });
}

/** A containerd of our own; docker and the `ctr` of containerd share it. */
let started;
async function ownContainerd({ work, atEnd }) {
  if (started !== undefined) return await started;
  started = (async () => {
    const own = join(work, "containerd");
    mkdirSync(own);
    const socket = join(own, "containerd.sock");
    const config = join(own, "config.toml");
    writeFileSync(
      config,
      [
        "version = 2",
        `root = "${own}/root"`,
        `state = "${own}/state"`,
        'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
        "[grpc]",
        `  address = "${socket}"`,
        "[ttrpc]",
        `  address = "${socket}.ttrpc"`,
      ].join("\n"),
    );
    const stop = await daemon(["containerd", "--config", config], {
      log: join(own, "log"),
      ready: there(socket),
    });
    atEnd(stop);
    return { socket };
  })();
  return await started;
}

export async function containerd(bench) {
  // Found by its own name: ours is called ctr, too.
  const client = ["/usr/bin/ctr", "/usr/local/bin/ctr"].find(installed);
  if (!installed("containerd") || client === undefined) return undefined;
  const { socket } = await ownContainerd(bench);
  const base = [client, "--address", socket, "--namespace", "bench"];
  run([...base, "images", "import", bench.image.archive]);
  bench.atEnd(() => run([...base, "images", "rm", "--sync", IMAGE]));
  return {
    version: firstLine(["containerd", "--version"]).split(" ")[2] ?? "",
    argv: () => [...base, "run", "--rm", IMAGE, id(), "true"],
  };
}

export async function docker(bench) {
  if (!installed("docker") || !installed("dockerd") || !installed("containerd")) return undefined;
  const { socket } = await ownContainerd(bench);
  const own = join(bench.work, "docker");
  mkdirSync(own);
  const host = `unix://${own}/docker.sock`;
  const env = { DOCKER_HOST: host, DOCKER_CONFIG: own };
  // In a network namespace of its own, where it can change no rule of this machine.
  const argv = [
    ...["unshare", "--net", "dockerd", "--host", host, "--containerd", socket],
    ...["--data-root", `${own}/data`, "--exec-root", `${own}/exec`, "--pidfile", `${own}/pid`],
    ...["--bridge", "none", "--iptables=false", "--ip6tables=false"],
  ];
  const limit = hardLimit("open files");
  writeFileSync(join(own, "daemon.json"), "{}");
  argv.push("--config-file", join(own, "daemon.json"));
  argv.push("--default-ulimit", `nofile=${limit}:${limit}`);
  const ready = () => {
    try {
      run(["docker", "version"], env);
      return true;
    } catch {
      return false;
    }
  };
  const stop = await daemon(argv, { log: join(own, "log"), ready: () => wait(ready, 0) });
  bench.atEnd(stop);
  run(["docker", "load", "--quiet", "--input", bench.image.archive], env);
  return {
    version: run(["docker", "version", "--format", "{{.Server.Version}}"], env).trim(),
    env,
    argv: () => ["docker", "run", "--rm", "--network=none", "--pull=never", IMAGE, "true"],
  };
}

function hardLimit(name) {
  const line = readFileSync("/proc/self/limits", "utf8").split("\n")
    .find((text) => text.toLowerCase().includes(name));
  const hard = line?.trim().split(/\s{2,}/)[2] ?? "1024";
  return hard === "unlimited" ? "1048576" : hard;
}
