/**
 * Mounts with ids of their own. The kernel has to do it for ext4 (5.12) and tmpfs (6.3).
 *
 * @module
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chownSync, lstatSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { OciIdMapping, OciMount } from "../../src/oci/mod.ts";
import { close } from "../../src/program/mod.ts";
import { Bundle, HOST_IDS, inUserNamespace, traces } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");

const map = (containerID: number, hostID: number, size = 10): OciIdMapping[] => [
  { containerID, hostID, size },
];

/** A directory with files of root's and of user 5's, and a tmpfs in it with one of root's. */
async function withFiles(
  bundle: Bundle,
  work: (bind: (more: Partial<OciMount>) => OciMount, source: string) => Promise<void>,
): Promise<void> {
  const source = join(bundle.dir, "data");
  mkdirSync(join(source, "below"), { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "-o", "mode=777", "ctr-test", join(source, "below")]);
  try {
    for (const [name, id] of [["zero", 0], ["five", 5], ["below/zero", 0]] as const) {
      writeFileSync(join(source, name), "");
      chownSync(join(source, name), id, id);
    }
    await work((more) => ({ type: "bind", source, destination: "/m", ...more }), source);
  } finally {
    execFileSync("umount", [join(source, "below")]);
  }
}

const OWNERS = "cd /m; stat -c %u:%g zero five below/zero 2>&1";

test("a mount shows other ids, itself alone or with what is mounted below", here, async () => {
  await using bundle = new Bundle();
  await withFiles(bundle, async (bind, source) => {
    const before = traces();
    const maps = { uidMappings: map(0, 1000), gidMappings: map(0, 2000) };
    const owners = async (...options: string[]) => {
      const mounts = [bind({ options: ["rbind", ...options], ...maps })];
      return (await bundle.sh(`${OWNERS}; touch x`, { mounts })).stdout.split("\n");
    };
    assert.deepEqual(await owners(), ["1000:2000", "1005:2005", "0:0", ""]);
    assert.deepEqual(await owners("idmap"), ["1000:2000", "1005:2005", "0:0", ""]);
    assert.deepEqual(await owners("ridmap"), ["1000:2000", "1005:2005", "1000:2000", ""]);
    // The container's root has no id there.
    assert.throws(() => lstatSync(join(source, "x")), { code: "ENOENT" });
    const other = { uidMappings: map(5, 0, 1), gidMappings: map(5, 0, 1) };
    const mounts = [bind({ options: ["bind"], ...maps, ...other })];
    const { stdout } = await bundle.sh("cd /m; stat -c %u:%g five; touch new 2>&1", { mounts });
    assert.match(stdout, /^0:0\n/);
    assert.deepEqual(traces(), before);
  });
});

test("a container's own ids are the mount's if no others are said", here, async () => {
  await using bundle = new Bundle();
  execFileSync("chown", ["-R", `${HOST_IDS}:${HOST_IDS}`, bundle.dir]);
  await withFiles(bundle, async (bind, source) => {
    chownSync(source, 0, 0);
    const owners = async (options: string[], change = inUserNamespace) => {
      const mounts = [bind({ options })];
      return (await bundle.sh(`${OWNERS}; touch created`, { mounts, change })).stdout.split("\n");
    };
    assert.deepEqual(await owners(["rbind"]), ["65534:65534", "65534:65534", "65534:65534", ""]);
    assert.deepEqual(await owners(["rbind", "ridmap", "nosuid"]), ["0:0", "5:5", "0:0", ""]);
    assert.equal(lstatSync(join(source, "created")).uid, 0);
    await using second = new Bundle();
    const holder = await bundle.create(["/bin/sleep", "30"], { change: inUserNamespace });
    try {
      const path = `/proc/${holder.process.pid}/ns/user`;
      const joined = await owners(["rbind", "idmap"], (spec) => {
        const made = inUserNamespace(spec);
        const namespaces = made.linux!.namespaces!.map((namespace) =>
          namespace.type === "user" ? { ...namespace, path } : namespace
        );
        return { ...made, linux: { ...made.linux, namespaces, cgroupsPath: second.cgroup } };
      });
      assert.deepEqual(joined, ["0:0", "5:5", "65534:65534", ""]);
    } finally {
      holder.process.abandon();
      close(holder.stdout);
      close(holder.stderr);
    }
  });
});

test("maps of mounts that make no sense are refused", here, async () => {
  await using bundle = new Bundle();
  await bundle.run(["/bin/true"]);
  const before = traces();
  const refused = async (mount: Partial<OciMount>, reason: RegExp) => {
    const mounts = [{ type: "bind", source: bundle.dir, destination: "/m", ...mount }];
    await assert.rejects(bundle.run(["/bin/true"], { mounts }), reason);
    assert.deepEqual(traces(), before);
  };
  await refused({ options: ["idmap"] }, /there is no map of ids, and the container has no user/);
  await refused({ uidMappings: map(0, 0) }, /id-mapped mounts must have both uid and gid mappings/);
  await refused(
    { type: "tmpfs", uidMappings: map(0, 0), gidMappings: map(0, 0) },
    /id-mapped mounts are only supported for bind-mounts/,
  );
  await refused(
    { source: "/proc", uidMappings: map(0, 5), gidMappings: map(0, 5) },
    /cannot map ids of mount "\/m": invalid argument \(EINVAL\)/,
  );
});
