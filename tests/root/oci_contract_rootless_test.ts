/**
 * What the callers of an OCI runtime rely on when they are an ordinary user's, as podman is.
 *
 * @module
 */

import assert from "node:assert/strict";
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { OciSpec } from "../../src/oci/mod.ts";
import { start } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";
import { OCI_RUNTIME, OciRuntime } from "../fixtures/oci_command.ts";
import { ROOT } from "../fixtures/source_scan.ts";

const here = needs("root", "cgroup", "userns", "file:/bin/busybox", "cmd:setpriv", "cmd:unshare");
const USER = 1000;

/**
 * Run a script as a user who owns a bundle, its directory being the working directory, and who may
 * read this repository wherever it is.
 *
 * @param through a command that executes the script
 */
async function asUser(oci: OciRuntime, script: string, through = ""): Promise<string> {
  const repository = join(oci.dir, "repository");
  for (const directory of ["repository", "run"]) mkdirSync(join(oci.dir, directory));
  for (const path of ["", "run", "rootfs", "config.json"]) {
    chownSync(join(oci.dir, path), USER, USER);
  }
  chmodSync(oci.dir, 0o755);
  const runtime = OCI_RUNTIME.startsWith(ROOT)
    ? OCI_RUNTIME.replace(ROOT, repository)
    : OCI_RUNTIME;
  const file = join(oci.dir, "script");
  writeFileSync(file, `set -e\noci() { ${runtime} "$@"; }\n${script}`);
  oci.reaps = false;
  const drop = `setpriv --reuid=${USER} --regid=${USER} --clear-groups --inh-caps=-all`;
  const { code, stdout, stderr } = await start([
    ...["unshare", "--mount", "--propagation=private", "sh", "-c"],
    `mount --rbind ${ROOT} ${repository} && exec ${drop} ${through} sh ${file} >out 2>err`,
  ], {
    cwd: oci.dir,
    env: {
      XDG_RUNTIME_DIR: join(oci.dir, "run"),
      PATH: `${repository}/node_modules/.bin:${process.env["PATH"]}:/usr/sbin`,
    },
  }).ended;
  const [out, err] = ["out", "err"].map((name) => readFileSync(join(oci.dir, name), "utf8"));
  assert.deepEqual([code, stdout, stderr, err], [0, "", "", ""]);
  return out!;
}

/** As podman makes it, and with nothing that a user may not do. */
function rootless(spec: OciSpec): OciSpec {
  return {
    ...spec,
    process: { ...spec.process!, rlimits: [] },
    mounts: spec.mounts!.filter(({ type }) => type !== "cgroup").map((mount) => ({
      ...mount,
      options: mount.options?.filter((option) => option !== "gid=5"),
    })),
    linux: { ...spec.linux, cgroupsPath: undefined, resources: undefined },
  };
}

const LIFE_CYCLE = `
  oci create --bundle . ID </dev/null >log 2>&1 || { cat log >&2; exit 1; }
  ls run/*
  oci state ID | grep status
  oci start ID
  until oci state ID | grep -q stopped; do sleep 0.02; done
  oci delete ID
  ls run/*
  cat log
`;

test(
  "contract 11: the root of a user inside a user namespace is below XDG_RUNTIME_DIR",
  here,
  async () => {
    await using oci = new OciRuntime();
    oci.configure(["id"], { change: rootless });
    const script = LIFE_CYCLE.replaceAll("ID", oci.id);
    const through = "unshare --user --map-root-user --mount";
    const output = await asUser(oci, script, through);
    assert.equal(output, `${oci.id}\n  "status": "created",\nuid=0 gid=0\n`);
  },
);

test("contract 11: a user makes containers with a user namespace of their own", here, async () => {
  await using oci = new OciRuntime();
  oci.configure(["id"], {
    change: (spec) => {
      const { linux, ...more } = rootless(spec);
      const map = [{ containerID: 0, hostID: USER, size: 1 }];
      const namespaces = [...linux!.namespaces!, { type: "user" as const }];
      return { ...more, linux: { ...linux, namespaces, uidMappings: map, gidMappings: map } };
    },
  });
  const output = await asUser(oci, LIFE_CYCLE.replaceAll("ID", oci.id));
  assert.equal(output, `${oci.id}\n  "status": "created",\nuid=0 gid=0\n`);
});
