/**
 * The peers' engines: each with directories, sockets and daemons of its own, which end with the bench.
 *
 * @module
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { daemon, there, wait } from "./daemon.mjs";
import { firstLine, installed, run } from "./programs.mjs";

/** podman with a store of its own. @returns undefined where it is not installed */
export function ownPodman({ work, atEnd }) {
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
  atEnd(() => run([...base, "rmi", "--all", "--force"], env));
  const version = firstLine(["podman", "--version"]).replace("podman version ", "");
  return { base, env, version };
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

/** containerd's own client. @returns undefined where it is not installed */
export async function ownCtr(bench) {
  // Found by its own name: ours is called ctr, too.
  const client = ["/usr/bin/ctr", "/usr/local/bin/ctr"].find(installed);
  if (!installed("containerd") || client === undefined) return undefined;
  const { socket } = await ownContainerd(bench);
  const version = firstLine(["containerd", "--version"]).split(" ")[2] ?? "";
  return { base: [client, "--address", socket, "--namespace", "bench"], env: {}, version };
}

/**
 * Docker with a daemon of its own.
 *
 * @param {{ netns?: boolean }} options whether the daemon gets a network namespace in which it can
 * change no rule of this machine
 * @returns undefined where it is not installed
 */
export async function ownDocker(bench, { netns = true } = {}) {
  if (!installed("docker") || !installed("dockerd") || !installed("containerd")) return undefined;
  const { socket } = await ownContainerd(bench);
  const own = join(bench.work, "docker");
  mkdirSync(own);
  const host = `unix://${own}/docker.sock`;
  const env = { DOCKER_HOST: host, DOCKER_CONFIG: own };
  const argv = [
    ...[...netns ? ["unshare", "--net"] : [], "dockerd", "--host", host, "--containerd", socket],
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
  const version = run(["docker", "version", "--format", "{{.Server.Version}}"], env).trim();
  return { base: ["docker"], env, version };
}

function hardLimit(name) {
  const line = readFileSync("/proc/self/limits", "utf8").split("\n")
    .find((text) => text.toLowerCase().includes(name));
  const hard = line?.trim().split(/\s{2,}/)[2] ?? "1024";
  return hard === "unlimited" ? "1048576" : hard;
}
