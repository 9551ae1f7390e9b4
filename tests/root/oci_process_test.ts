/**
 * What `ctr-oci` makes of the process in a `config.json`, where its callers leave something to it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { close } from "../../src/program/mod.ts";
import { until } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";
import { OciRuntime } from "../fixtures/oci_command.ts";
import { Agent, answer } from "../fixtures/seccomp_agent.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");

test("HOME is the user's, as the container's /etc/passwd has it", here, async () => {
  await using oci = new OciRuntime();
  const passwd = "root:x:0:0::/root:/bin/sh\nfive:x:5:5::/five:/bin/sh\n";
  writeFileSync(join(oci.bundle.rootfs, "etc/passwd"), passwd);
  oci.configure(["sh", "-c", "echo $HOME; sleep 60"], { uid: 5 });
  await oci.create();
  await oci.start();
  await until("its output", () => oci.written.stdout);
  assert.equal(oci.written.stdout, "/five\n");
  const home = (...flags: readonly string[]) =>
    oci.ok(["exec", ...flags, oci.id, "sh", "-c", "echo $HOME"]);
  assert.equal(await home("--user", "0"), "/root\n");
  assert.equal(await home("--user", "7"), "/\n");
  assert.equal(await home("--env", "HOME=/x", "--env", "HOME=/y"), "/y\n");
});

test("an agent hears of a created container and of what is added to it", here, async () => {
  await using oci = new OciRuntime();
  using agent = new Agent();
  oci.configure(["sh", "-c", "mkdir /tmp/x; sleep 60"], {
    change: (spec) => ({
      ...spec,
      linux: {
        ...spec.linux,
        seccomp: {
          defaultAction: "SCMP_ACT_ALLOW",
          listenerPath: agent.path,
          syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY" }],
        },
      },
    }),
  });
  const pid = await oci.create();
  const container = agent.receive();
  const about = { ociVersion: "1.2.0", id: oci.id, bundle: oci.dir, pid };
  assert.deepEqual(container.state["state"], { ...about, status: "creating" });
  await oci.start();
  const ENOSPC = 28;
  answer(container.listener, ENOSPC); // create has ended, the agent is still heard
  await until("its output", () => oci.written.stderr);
  assert.match(oci.written.stderr, /No space left on device/);
  await oci.ok(["exec", oci.id, "true"]);
  const added = agent.receive();
  assert.deepEqual(added.state["state"], { ...about, status: "running" });
  for (const { listener } of [container, added]) close(listener);
});

test(
  "a filter is compiled once for all containers with its profile, and kept for us",
  here,
  async () => {
    await using oci = new OciRuntime();
    const errno = (errnoRet: number) =>
      oci.configure(["mkdir", "/tmp/x"], {
        change: (spec) => ({
          ...spec,
          linux: {
            ...spec.linux,
            seccomp: {
              defaultAction: "SCMP_ACT_ALLOW",
              syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet }],
            },
          },
        }),
      });
    const tried = async () => (await oci.call(["run", "-b", oci.dir, oci.id])).stderr;
    const directory = join(oci.root, "seccomp:filters");
    errno(28);
    assert.match(await tried(), /No space left on device/);
    assert.match(await tried(), /No space left on device/);
    const { mode } = statSync(directory);
    assert.deepEqual([mode & 0o777, readdirSync(directory).length], [0o700, 1]);
    errno(122);
    assert.match(await tried(), /quota exceeded/i);
    assert.equal(await oci.ok(["list", "--quiet"]), "");
  },
);

test("what is wrong with a config.json is one line, and nothing stays", here, async () => {
  await using oci = new OciRuntime();
  const log = join(oci.dir, "log");
  oci.configure(["true"], { change: (spec) => ({ ...spec, hostname: "x", linux: {} }) });
  const flags = ["--root", oci.root, "--log", log, "--log-format", "json"];
  const { code, stdout, stderr } = await oci.call(["create", "-b", oci.dir, oci.id], {
    root: flags,
  });
  const reason = "unable to set hostname without a private UTS namespace";
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, new RegExp(`^ctr-oci: cannot use "hostname": ${reason}\n$`));
  assert.match(JSON.parse(readFileSync(log, "utf8")).msg, new RegExp(reason));
  assert.equal(await oci.ok(["list", "--quiet"]), "");
});
