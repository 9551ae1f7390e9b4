/**
 * The shim of containerd by its own API: every method, its errors, its events, and what it leaves.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  createReadStream,
  existsSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { closeSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readMetrics } from "../../src/shim/metrics.ts";
import { until } from "../fixtures/cli.ts";
import { ContainerdShim, mountsBelow } from "../fixtures/containerd_shim.ts";
import { needs } from "../fixtures/needs.ts";

const here = needs("root", "cgroup1", "overlayfs", "file:/bin/busybox", "cmd:mkfifo");
const MIB = 1 << 20;
const json = (value: unknown) => ({
  typeUrl: "types.containerd.io/opencontainers/runtime-spec/1/Any",
  value: new TextEncoder().encode(JSON.stringify(value)),
});

/** Write the bundle's config. */
function configure({ bundle }: ContainerdShim, script: string, terminal = false): void {
  const spec = bundle.spec(["sh", "-c", script], { terminal });
  writeFileSync(join(bundle.dir, "config.json"), JSON.stringify(spec));
}

/** The request that makes the container of a bundle, without streams. */
function request({ id, bundle }: ContainerdShim) {
  return { id, bundle: bundle.dir, rootfs: [], terminal: false, stdin: "", stdout: "", stderr: "" };
}

/** Everything that comes out of a FIFO, which is open before anybody writes. */
async function textOf(path: string): Promise<string> {
  let text = "";
  for await (const chunk of createReadStream(path, "utf8")) text += chunk;
  return text;
}

test("a container's life: every method answers, and events come in order", here, async () => {
  await using shim = new ContainerdShim();
  const { id, bundle } = shim;
  configure(shim, "read line; echo got $line; echo to stderr >&2; exit 7");
  const address = await shim.start();
  assert.equal(readFileSync(join(bundle.dir, "address"), "utf8"), address);
  const { client } = shim;
  const [stdin, stdout, stderr] = [shim.fifo("in"), shim.fifo("out"), shim.fifo("err")];
  const out = textOf(stdout);
  const err = textOf(stderr);
  const made = await client.call("Create", { ...request(shim), stdin, stdout, stderr });
  const state = await client.call("State", { id });
  assert.deepEqual(
    [state.id, state.bundle, state.pid, state.status, state.stdin, state.stdout, state.stderr],
    [id, bundle.dir, made.pid, 1, stdin, stdout, stderr],
  );
  await assert.rejects(client.call("Create", request(shim)), { code: "already_exists" });
  assert.equal((await client.call("Start", { id })).pid, made.pid);
  await assert.rejects(client.call("Start", { id }), { code: "failed_precondition" });
  assert.equal((await client.call("State", { id })).status, 2);
  assert.equal(readFileSync(`/proc/${shim.pid}/comm`, "utf8"), "containerd-shim\n");

  await client.call("Pause", { id });
  assert.equal((await client.call("State", { id })).status, 4);
  await assert.rejects(client.call("Pause", { id }), { code: "failed_precondition" });
  await client.call("Resume", { id });

  await client.call("Update", { id, resources: json({ memory: { limit: 64 * MIB } }) });
  const { stats } = await client.call("Stats", { id });
  const read = readMetrics(stats);
  assert.ok(read?.version === 1);
  assert.equal(read.metrics.memory?.usage?.limit, 64 * MIB);
  assert.ok((read.metrics.pids?.current ?? 0) >= 1);
  await assert.rejects(
    client.call("Update", { id, resources: json({ memory: { limit: 1024 } }) }),
    /memory/,
  );

  const connected = await client.call("Connect", { id });
  assert.deepEqual([connected.shimPid, connected.taskPid], [shim.pid, made.pid]);
  await assert.rejects(client.call("Delete", { id }), { code: "failed_precondition" });
  await assert.rejects(client.call("State", { id: "other" }), { code: "not_found" });

  const writer = openSync(stdin, "w");
  writeSync(writer, "line\n");
  closeSync(writer);
  const exit = await client.call("Wait", { id });
  assert.equal(exit.exitStatus, 7);
  assert.deepEqual([await out, await err], ["got line\n", "to stderr\n"]);
  assert.equal((await client.call("State", { id })).status, 3);
  await assert.rejects(client.call("Kill", { id, signal: 9 }), { code: "not_found" });
  const deleted = await client.call("Delete", { id });
  assert.deepEqual([deleted.exitStatus, deleted.pid], [7, made.pid]);
  assert.equal(shim.state, "");
  const { pid } = shim;
  await client.call("Shutdown", { id });
  await until("its end", () => !existsSync(`/proc/${pid}/cmdline`));
  const names = ["create", "start", "paused", "resumed", "exit", "delete"];
  assert.deepEqual(shim.events, names.map((name) => `/tasks/${name}`));
  assert.ok(!existsSync(address.replace("unix://", "")));
});

test("processes are added, listed, resized and killed, alone and all at once", here, async () => {
  await using shim = new ContainerdShim();
  const { id } = shim;
  configure(shim, "sleep 1000 & wait; wait");
  await shim.start();
  const { client } = shim;
  const stdout = shim.fifo("out");
  await client.call("Create", request(shim));
  const exec = (args: readonly string[], terminal = false) =>
    json({ ...shim.bundle.spec([]).process, args, terminal });
  await assert.rejects(
    client.call("Exec", { id, execId: "early", spec: exec(["true"]) }),
    { code: "failed_precondition" },
  );
  const { pid } = await client.call("Start", { id });
  const out = textOf(stdout);
  const spec = exec(["sh", "-c", "read x; stty size"], true);
  const stdin = shim.fifo("in");
  await client.call("Exec", { id, execId: "e", spec, terminal: true, stdin, stdout });
  await assert.rejects(
    client.call("Exec", { id, execId: "e", spec }),
    { code: "already_exists" },
  );
  const added = await client.call("Start", { id, execId: "e" });
  await client.call("ResizePty", { id, execId: "e", width: 77, height: 11 });
  const { processes } = await client.call("Pids", { id });
  const details = processes.find((process) => process.pid === added.pid);
  assert.equal(details?.info?.typeUrl, "containerd.runc.v1.ProcessDetails");
  assert.ok(processes.some((process) => process.pid === pid && process.info === undefined));
  const writer = openSync(stdin, "w");
  writeSync(writer, "\n");
  assert.equal((await client.call("Wait", { id, execId: "e" })).exitStatus, 0);
  closeSync(writer);
  assert.match(await out, /11 77/);
  await client.call("Delete", { id, execId: "e" });
  await assert.rejects(client.call("State", { id, execId: "e" }), { code: "not_found" });

  await client.call("Exec", { id, execId: "none", spec: exec(["/no/such"]) });
  await assert.rejects(client.call("Start", { id, execId: "none" }), /\/no\/such/);
  await client.call("Delete", { id, execId: "none" });

  await client.call("Exec", { id, execId: "s", spec: exec(["sleep", "1000"]) });
  await client.call("Start", { id, execId: "s" });
  await client.call("Kill", { id, execId: "s", signal: 15 });
  assert.equal((await client.call("Wait", { id, execId: "s" })).exitStatus, 143);
  await client.call("Kill", { id, signal: 9, all: true });
  assert.equal((await client.call("Wait", { id })).exitStatus, 137);
  await assert.rejects(
    client.call("Checkpoint", { id, path: "/none" }),
    /criu|not running/,
  );
  await until("the exit events", () => shim.events.filter((e) => e === "/tasks/exit").length === 3);
});

test("the root is mounted for as long as the container is there", here, async () => {
  await using shim = new ContainerdShim();
  const { id, bundle } = shim;
  for (const name of ["upper", "work", "root"]) mkdirSync(join(bundle.dir, name));
  const options = [`lowerdir=${bundle.rootfs}`, "upperdir=upper", "workdir=work"]
    .map((option) => option.replace(/=(\w+)$/, `=${bundle.dir}/$1`));
  configure(shim, "echo made >/made");
  await shim.start();
  const { client } = shim;
  const rootfs = [{ type: "overlay", source: "overlay", options }];
  await client.call("Create", { ...request(shim), rootfs });
  assert.equal(mountsBelow(bundle.rootfs).length, 1);
  await client.call("Start", { id });
  assert.equal((await client.call("Wait", { id })).exitStatus, 0);
  assert.equal(readFileSync(join(bundle.dir, "upper/made"), "utf8"), "made\n");
  await client.call("Delete", { id });
  assert.deepEqual(mountsBelow(bundle.rootfs), []);
});

test("a shim that was killed leaves what delete removes", here, async () => {
  await using shim = new ContainerdShim();
  const { id } = shim;
  configure(shim, "sleep 1000");
  await shim.start();
  await shim.client.call("Create", request(shim));
  const { pid } = await shim.client.call("Start", { id });
  const shimPid = shim.pid;
  process.kill(shimPid, "SIGKILL");
  await until("the end of the shim", () => !existsSync(`/proc/${shimPid}/cmdline`));
  const { code, stderr } = await shim.call("delete");
  assert.deepEqual([code, stderr], [0, ""]);
  await until("the container's end", () => !existsSync(`/proc/${pid}/cmdline`));
  assert.equal(shim.state, "");
});
