/**
 * What the callers of an OCI runtime rely on: what it tells of itself and of what a container uses.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { OciSpec } from "../../src/oci/mod.ts";
import { needs, which } from "../fixtures/needs.ts";
import { IS_CTR_OCI, OciRuntime } from "../fixtures/oci_command.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");

/** A limit of a container's cgroup. */
function limit({ bundle }: OciRuntime, v1: string, v2: string): string {
  const unified = `/sys/fs/cgroup${bundle.cgroup}/${v2}`;
  const [controller] = v1.split(".");
  const file = existsSync(unified) ? unified : `/sys/fs/cgroup/${controller}${bundle.cgroup}/${v1}`;
  return readFileSync(file, "utf8").trim();
}

test("update takes limits from stdin, from a file and from flags", here, async () => {
  await using oci = new OciRuntime();
  oci.configure(["sleep", "100"]);
  await oci.create();
  const pids = () => limit(oci, "pids.max", "pids.max");
  const memory = () => limit(oci, "memory.limit_in_bytes", "memory.max");
  const resources = JSON.stringify({ pids: { limit: 51 }, memory: { limit: 64 << 20 } });
  await oci.ok(["update", "--resources=-", oci.id], { stdin: resources });
  assert.deepEqual([pids(), memory()], ["51", `${64 << 20}`]);
  writeFileSync(join(oci.dir, "resources.json"), JSON.stringify({ pids: { limit: 52 } }));
  await oci.ok(["update", "--resources", join(oci.dir, "resources.json"), oci.id]);
  assert.deepEqual([pids(), memory()], ["52", `${64 << 20}`], "what is not said stays");
  await oci.ok(["update", "--pids-limit", "53", "--memory=100663296", oci.id]);
  assert.deepEqual([pids(), memory()], ["53", `${96 << 20}`]);
  const { code } = await oci.call(["update", "--resources=-", oci.id], { stdin: "{" });
  assert.equal(code, 1);
});

test("events --stats prints what a container uses, once", here, async () => {
  await using oci = new OciRuntime();
  oci.configure(["sleep", "100"]);
  await oci.create();
  await oci.start();
  const text = await oci.ok(["events", "--stats", oci.id]);
  const { type, id, data } = JSON.parse(text) as {
    type: string;
    id: string;
    data: {
      cpu: { usage: { total: number } };
      memory: { usage: { usage: number } };
      pids: { current: number };
    };
  };
  assert.deepEqual([type, id], ["stats", oci.id]);
  assert.ok(data.cpu.usage.total > 0);
  assert.ok(data.memory.usage.usage > 0);
  assert.equal(data.pids.current, 1);
});

test("features says what mounts, cgroups, seccomp and id maps can do", here, async () => {
  await using oci = new OciRuntime();
  const features = JSON.parse(await oci.ok(["features"], { root: [] })) as {
    ociVersionMin: string;
    ociVersionMax: string;
    hooks: string[];
    mountOptions: string[];
    linux: {
      namespaces: string[];
      capabilities: string[];
      cgroup: { v1: boolean; v2: boolean; systemd: boolean };
      seccomp: { enabled: boolean; actions: string[] };
      apparmor: { enabled: boolean };
      selinux: { enabled: boolean };
      mountExtensions?: { idmap: { enabled: boolean } };
    };
  };
  assert.match(features.ociVersionMin, /^1\.0/);
  assert.match(features.ociVersionMax, /^1\.\d/);
  assert.ok(features.mountOptions.includes("rro"));
  assert.ok(features.mountOptions.includes("rbind"));
  for (
    const name of [
      "prestart",
      "createRuntime",
      "createContainer",
      "startContainer",
      "poststart",
      "poststop",
    ]
  ) {
    assert.ok(features.hooks.includes(name), name);
  }
  const { namespaces, capabilities, cgroup, seccomp, apparmor, selinux } = features.linux;
  assert.ok(
    ["cgroup", "ipc", "mount", "network", "pid", "user", "uts"].every((n) =>
      namespaces.includes(n)
    ),
  );
  assert.ok(capabilities.includes("CAP_SYS_ADMIN"));
  assert.deepEqual([cgroup.v1, cgroup.v2, seccomp.enabled], [true, true, true]);
  assert.ok(seccomp.actions.includes("SCMP_ACT_NOTIFY"));
  assert.deepEqual([typeof apparmor.enabled, typeof selinux.enabled], ["boolean", "boolean"]);
  // runc says it since 1.2.
  assert.equal(features.linux.mountExtensions?.idmap.enabled, IS_CTR_OCI || undefined);
});

test("spec writes a config.json that runs", here, async () => {
  await using oci = new OciRuntime();
  await oci.ok(["spec", "--bundle", oci.dir]);
  const file = join(oci.dir, "config.json");
  const spec = JSON.parse(readFileSync(file, "utf8")) as OciSpec;
  assert.deepEqual([spec.process!.args, spec.root!.path], [["sh"], "rootfs"]);
  const process = { ...spec.process!, args: ["hostname"], terminal: false };
  writeFileSync(file, JSON.stringify({ ...spec, process }));
  assert.equal(await oci.ok(["run", "--bundle", oci.dir, oci.id]), `${spec.hostname}\n`);
  assert.equal((await oci.call(["spec", "--bundle", oci.dir])).code, 1, "it is there already");
  const below = join(oci.dir, "rootless");
  mkdirSync(below);
  await oci.ok(["spec", "--rootless"], { cwd: below });
  const rootless = JSON.parse(readFileSync(join(below, "config.json"), "utf8")) as OciSpec;
  assert.equal(rootless.linux!.uidMappings!.length, 1);
  assert.ok(rootless.linux!.namespaces!.some(({ type }) => type === "user"));
});

test("checkpoint and restore say what they take, and what they miss", here, async () => {
  await using oci = new OciRuntime();
  for (const command of ["checkpoint", "restore"]) {
    const help = await oci.ok([command, "--help"], { root: [] });
    for (const flag of ["--image-path", "--work-path", "--tcp-established", "--file-locks"]) {
      assert.match(help, new RegExp(flag), command);
    }
  }
  oci.configure(["sleep", "100"]);
  await oci.create();
  await oci.start();
  if (which("criu") !== undefined) return;
  const image = ["--image-path", join(oci.dir, "image")];
  const { code, stderr } = await oci.call(["checkpoint", ...image, oci.id]);
  assert.deepEqual([code, /criu/i.test(stderr)], [1, true], stderr);
  assert.equal((await oci.state()).status, "running");
  const restore = ["restore", "-no-subreaper", "--bundle", oci.dir, ...image];
  const restored = await oci.call([...restore, `${oci.id}-restored`]);
  assert.notEqual(restored.code, 0);
  assert.doesNotMatch(restored.stderr, /flag|subreaper/);
});

test("help is for every command, and a wrong flag or command is an error", here, async () => {
  await using oci = new OciRuntime();
  const commands = ["create", "start", "run", "exec", "state", "list", "ps", "kill", "delete"]
    .concat("pause", "resume", "update", "events", "spec", "features", "checkpoint", "restore");
  const help = await oci.ok(["--help"], { root: [] });
  for (const command of commands) assert.match(help, new RegExp(`^ +${command}\\b`, "m"));
  assert.match(await oci.ok(["create", "--help"], { root: [] }), /--console-socket/);
  assert.notEqual((await oci.call(["create", "--no-such-flag", oci.id])).code, 0);
  assert.notEqual((await oci.call(["no-such-command"])).code, 0);
  assert.notEqual((await oci.call(["state"])).code, 0, "an id is missing");
  assert.notEqual((await oci.call(["state", oci.id, "more"])).code, 0, "an argument too many");
  assert.notEqual((await oci.call(["state", "../escape"])).code, 0, "that is no id");
});
