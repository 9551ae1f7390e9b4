/**
 * What happens around CRIU when containers are saved and restored: CRIU itself is a script here that
 * writes down how it is called, ends processes and starts others.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { environment, until } from "../fixtures/cli.ts";
import { fakeCriu } from "../fixtures/fake_criu.ts";
import { needs } from "../fixtures/needs.ts";
import { OciRuntime } from "../fixtures/oci_command.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");

/** A runtime that finds the script first. */
class Saved extends OciRuntime {
  readonly tools: string = join(this.dir, "tools");
  readonly images: string = join(this.dir, "images");
  readonly env: Readonly<Record<string, string>> = fakeCriu(this.tools);

  constructor() {
    super();
    this.configure(["sleep", "1000"]);
  }

  criu(command: "checkpoint" | "restore", ...flags: readonly string[]): ReturnType<Saved["call"]> {
    const where = command === "restore" ? ["--bundle", this.dir] : [];
    const args = [command, "--image-path", this.images, ...where, ...flags, this.id];
    return this.call(args, { env: this.env, files: command });
  }

  /** Lines that the script wrote about its last call. */
  calls(): string[] {
    const file = join(this.tools, "criu.calls");
    const lines = readFileSync(file, "utf8").trim().split("\n");
    rmSync(file);
    return lines;
  }

  fail(): void {
    writeFileSync(join(this.tools, "criu.fails"), "");
  }

  cgroups(): string[] {
    const places = readdirSync("/sys/fs/cgroup").map((place) => join("/sys/fs/cgroup", place));
    return ["/sys/fs/cgroup", ...places].map((place) => place + this.bundle.cgroup)
      .filter(existsSync);
  }

  leftMounts(): boolean {
    return readFileSync("/proc/self/mountinfo", "utf8").includes(this.root);
  }
}

test("checkpoint stops a container, and restore takes its place", here, async () => {
  await using oci = new Saved();
  const pid = await oci.create();
  await oci.start();
  const flags = ["--tcp-established", "--file-locks", "--manage-cgroups-mode", "strict"];
  const saved = await oci.criu("checkpoint", ...flags);
  assert.deepEqual([saved.code, saved.stderr], [0, ""]);
  const [dump] = oci.calls() as [string];
  assert.match(dump, new RegExp(`^dump --tree ${pid} --root ${oci.bundle.rootfs} `));
  for (const flag of ["--tcp-established", "--file-locks", "--manage-cgroups=strict"]) {
    assert.ok(dump.includes(flag), dump);
  }
  // The streams are files of the host.
  assert.match(dump, /--external file\[[0-9a-f]+:[0-9a-f]+\]/);
  assert.match(dump, new RegExp(`--freeze-cgroup \\S*${oci.bundle.cgroup} `));
  const streams = JSON.parse(readFileSync(join(oci.images, "descriptors.json"), "utf8"));
  assert.equal(streams.length, 3);
  assert.equal((await oci.state()).status, "stopped");
  assert.notDeepEqual(oci.cgroups(), []);
  const again = await oci.criu("checkpoint");
  assert.deepEqual([again.code, /not running/.test(again.stderr)], [1, true], again.stderr);

  const pidFile = join(oci.dir, "pid");
  const restored = await oci.criu("restore", "--detach", "--pid-file", pidFile);
  assert.equal(restored.code, 0, restored.stderr);
  const [restore, busybox] = oci.calls() as [string, string];
  assert.match(restore, /^restore --restore-detached .* --inherit-fd fd\[0\]:file\[/);
  assert.equal(busybox, join(oci.root, oci.id, "criu-root/bin/busybox"));
  const state = await oci.state();
  assert.deepEqual([state.status, readFileSync(pidFile, "utf8")], ["running", `${state.pid}`]);
  assert.notEqual(state.pid, pid);
  const cgroups = readFileSync(`/proc/${state.pid}/cgroup`, "utf8");
  assert.ok(cgroups.includes(`:${oci.bundle.cgroup}\n`), cgroups);
  await until("its output", () => readFileSync(join(oci.dir, "restore.out"), "utf8") === "back\n");
  assert.equal(oci.leftMounts(), false);
  await oci.ok(["delete", "--force", oci.id]);
  assert.deepEqual([readdirSync(oci.root), oci.cgroups()], [[], []]);
});

test("checkpoint --leave-running and --pre-dump let it run on", here, async () => {
  await using oci = new Saved();
  await oci.create();
  const early = await oci.criu("checkpoint");
  assert.deepEqual([early.code, /created/.test(early.stderr)], [1, true], early.stderr);
  await oci.start();
  const first = ["--pre-dump", "--image-path", join(oci.dir, "first")];
  assert.equal((await oci.criu("checkpoint", ...first)).code, 0);
  assert.match(oci.calls()[0]!, /^pre-dump /);
  assert.equal(
    (await oci.criu("checkpoint", "--leave-running", "--parent-path", "../first")).code,
    0,
  );
  assert.match(
    oci.calls()[0]!,
    /^dump .*--leave-running --prev-images-dir \.\.\/first --track-mem/,
  );
  const wrong = await oci.criu("checkpoint", "--parent-path", "../none");
  assert.deepEqual([wrong.code, /\.\.\/none/.test(wrong.stderr)], [1, true], wrong.stderr);
  assert.equal((await oci.state()).status, "running");
});

test("a namespace that is given is not saved, and given again", here, async () => {
  await using oci = new Saved();
  const path = `/proc/${process.pid}/ns/net`;
  oci.configure(["sleep", "1000"], {
    change: (spec) => ({
      ...spec,
      linux: {
        ...spec.linux!,
        namespaces: [
          ...spec.linux!.namespaces!.filter(({ type }) => type !== "network"),
          { type: "network", path },
        ],
      },
    }),
  });
  await oci.create();
  await oci.start();
  const namespace = readlinkSync(path);
  const saved = await oci.criu("checkpoint");
  assert.equal(saved.code, 0, saved.stderr);
  const [dump] = oci.calls() as [string];
  assert.ok(dump.includes(`--external ${namespace.replace(":", "")}:extRootNetNS`), dump);
  const restored = await oci.criu("restore", "--detach");
  assert.equal(restored.code, 0, restored.stderr);
  const [restore, , fourth] = oci.calls() as [string, string, string];
  assert.match(restore, /--inherit-fd fd\[4\]:extRootNetNS/);
  assert.equal(fourth, namespace);
});

test("restore in the foreground waits, and leaves nothing", here, async () => {
  await using oci = new Saved();
  await oci.create();
  await oci.start();
  assert.equal((await oci.criu("checkpoint")).code, 0);
  const foreground = oci.criu("restore");
  const log = join(oci.dir, "restore.out");
  await until("its output", () => existsSync(log) && readFileSync(log, "utf8") === "back\n");
  await until("its record", async () => (await oci.state()).status === "running");
  await oci.ok(["kill", oci.id, "KILL"]);
  assert.equal((await foreground).code, 137);
  assert.deepEqual([readdirSync(oci.root), oci.cgroups()], [[], []]);
});

test("a failure of criu is told in its words, and nothing changes", here, async () => {
  await using oci = new Saved();
  await oci.create();
  await oci.start();
  oci.fail();
  const saved = await oci.criu("checkpoint");
  const why = "criu failed: Error (criu/x.c:2): no luck";
  assert.ok(saved.stderr.includes(`${why} (see ${oci.images}/dump.log)`), saved.stderr);
  assert.deepEqual([saved.code, (await oci.state()).status], [1, "running"]);
  await oci.ok(["delete", "--force", oci.id]);
  writeFileSync(join(oci.images, "descriptors.json"), "[]");
  const restored = await oci.criu("restore", "--detach");
  assert.ok(restored.stderr.includes(`${why} (see ${oci.images}/restore.log)`), restored.stderr);
  assert.equal(restored.code, 1);
  assert.deepEqual([readdirSync(oci.root), oci.cgroups(), oci.leftMounts()], [[], [], false]);
});

test("without criu, both say so", here, async () => {
  await using oci = new Saved();
  await oci.create();
  await oci.start();
  const without = environment()["PATH"]!.split(":")
    .filter((place) => !existsSync(join(place, "criu"))).join(":");
  for (const command of ["checkpoint", "restore"]) {
    const { code, stderr } = await oci.call([command, oci.id], { env: { PATH: without } });
    assert.equal(code, 1);
    assert.match(
      stderr,
      new RegExp(`cannot ${command} container "${oci.id}": criu is not installed`),
    );
  }
  assert.equal((await oci.state()).status, "running");
});
