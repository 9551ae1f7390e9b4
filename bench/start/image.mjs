/**
 * One image for everybody: a static busybox and little else, made here.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { arch } from "node:os";
import { join } from "node:path";

/** What `podman load`, `docker load`, `ctr images import` and skopeo name the image. */
export const IMAGE = "localhost/ctr-bench/busybox:latest";

/**
 * @param {string} directory is made
 * @returns {{ rootfs: string, archive: string }} a directory, and the image as `docker save` writes it
 */
export function makeImage(directory) {
  const busybox = ["/bin/busybox", "/usr/bin/busybox"].find((path) => existsSync(path));
  if (busybox === undefined) throw new Error("there is no busybox; install busybox-static");
  const rootfs = join(directory, "rootfs");
  for (const name of ["bin", "dev", "etc", "proc", "root", "sys", "tmp"]) {
    mkdirSync(join(rootfs, name), { recursive: true });
  }
  cpSync(busybox, join(rootfs, "bin/busybox"));
  for (const name of ["true", "sh", "cat", "sleep"]) {
    symlinkSync("busybox", join(rootfs, "bin", name));
  }
  writeFileSync(join(rootfs, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  writeFileSync(join(rootfs, "etc/group"), "root:x:0:\n");
  const parts = join(directory, "parts");
  mkdirSync(parts);
  const tar = (file, from, ...names) => {
    const owner = ["--owner=0", "--group=0", "--numeric-owner"];
    execFileSync("tar", [...owner, "-C", from, "-cf", file, ...names]);
  };
  tar(join(parts, "layer.tar"), rootfs, ".");
  const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");
  const config = JSON.stringify({
    architecture: arch() === "arm64" ? "arm64" : "amd64",
    os: "linux",
    created: "2024-01-01T00:00:00Z",
    config: { Cmd: ["true"], Env: ["PATH=/bin"] },
    rootfs: {
      type: "layers",
      diff_ids: [`sha256:${digest(readFileSync(join(parts, "layer.tar")))}`],
    },
    history: [{ created: "2024-01-01T00:00:00Z", created_by: "bench" }],
  });
  const name = `${digest(config)}.json`;
  writeFileSync(join(parts, name), config);
  const manifest = [{ Config: name, RepoTags: [IMAGE], Layers: ["layer.tar"] }];
  writeFileSync(join(parts, "manifest.json"), JSON.stringify(manifest));
  const archive = join(directory, "image.tar");
  tar(archive, parts, "manifest.json", name, "layer.tar");
  return { rootfs, archive };
}
