/**
 * Who pulls: a store for each, and how it pulls and removes.
 *
 * @module
 */

import { join } from "node:path";
import { ownCtr, ownDocker, ownPodman } from "../start/engines.mjs";
import { ourVersion, published, runtimeVersion } from "../start/ours.mjs";
import { installed } from "../start/programs.mjs";

/** @returns {{ name: string, prepare: () => Promise<object | undefined> }[]} */
export function contestants(bench) {
  const ours = ["Bun", "Deno"].flatMap((runtime) =>
    ["erofs", "overlayfs"].map((snapshotter) => ({
      name: `ctr on ${runtime}, ${snapshotter}`,
      prepare: () => Promise.resolve(ctr(bench, runtime.toLowerCase(), snapshotter)),
    }))
  );
  return [
    ...ours,
    { name: "docker", prepare: () => docker(bench) },
    { name: "podman", prepare: () => Promise.resolve(podman(bench)) },
    { name: "containerd", prepare: () => containerd(bench) },
  ];
}

/** Ours, each with a store of its own. */
export function ctr(bench, runtime, snapshotter) {
  if (!installed(runtime)) return undefined;
  const own = join(bench.disk, `ctr-${runtime}-${snapshotter}`);
  const roots = ["--data-root", join(own, "data"), "--exec-root", join(own, "exec")];
  const base = [join(published(bench), "cli/ctr"), ...roots];
  return {
    version: `${ourVersion(bench)}, ${runtime} ${runtimeVersion(runtime)}`,
    env: { CTR_RUNTIME: runtime },
    pull: (image) => [...base, "pull", "--quiet", "--snapshotter", snapshotter, image],
    remove: (image) => [...base, "rmi", image],
    base,
  };
}

async function docker(bench) {
  // The whole bench has a network namespace of its own, and dockerd must reach the registry.
  const engine = await ownDocker({ ...bench, work: bench.disk }, { netns: false });
  return engine && {
    ...engine,
    pull: (image) => [...engine.base, "pull", "--quiet", image],
    remove: (image) => [...engine.base, "rmi", image],
  };
}

function podman(bench) {
  const engine = ownPodman({ ...bench, work: bench.disk });
  return engine && {
    ...engine,
    pull: (image) => [...engine.base, "pull", "--quiet", "--tls-verify=false", image],
    remove: (image) => [...engine.base, "rmi", image],
  };
}

async function containerd(bench) {
  const engine = await ownCtr({ ...bench, work: bench.disk });
  return engine && {
    ...engine,
    pull: (image) => [...engine.base, "images", "pull", "--plain-http", image],
    remove: (image) => [...engine.base, "images", "rm", "--sync", image],
  };
}
