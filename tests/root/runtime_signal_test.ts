import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { call, close, kill, waitFor } from "../../src/program/mod.ts";
import {
  cgroupVersion,
  destroyAt,
  freezeAt,
  frozenAt,
  pidsAt,
  signalAt,
} from "../../src/runtime/mod.ts";
import { Bundle } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");
const v2 = cgroupVersion() === 2;
const SIGUSR1 = 10;
const SIGKILL = 9;

/** A shell, and a child of it in a cgroup below, once both have written a line. */
async function withFamily(
  work: (family: { path: string; pids: number[]; read: () => string }) => Promise<void>,
): Promise<void> {
  await using bundle = new Bundle();
  const script = (name: string) => `trap 'echo ${name} got it' USR1; echo ${name} is there`;
  const wait = "while true; do sleep 60 & wait; done";
  const { process, stdout, stderr } = await bundle.create([
    "/bin/sh",
    "-c",
    `sh -c "${script("child")}; ${wait}" & ${script("parent")}; ${wait}`,
  ]);
  process.start();
  const lines = readerOf(stdout);
  try {
    assert.deepEqual([lines(), lines()].sort(), ["child is there", "parent is there"]);
    const pids = await pidsAt(bundle.cgroup);
    const below = `/sys/fs/cgroup${v2 ? "" : "/pids"}${bundle.cgroup}/below`;
    mkdirSync(below);
    const child = pids.find((pid) => pidInside(pid) === 2)!; // the shell's first child
    writeFileSync(`${below}/cgroup.procs`, String(child));
    await work({ path: bundle.cgroup, pids: [process.pid, child], read: lines });
  } finally {
    await destroyAt(bundle.cgroup);
    waitFor(process.pid, { block: true });
    close(stdout);
    close(stderr);
  }
}

const pidInside = (pid: number) =>
  Number(/^NSpid:.*\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]);

/** Reads a line at a time, and waits for it. */
function readerOf(fd: number): () => string {
  let text = "";
  return () => {
    while (!text.includes("\n")) {
      const bytes = new Uint8Array(256);
      text += new TextDecoder().decode(bytes.subarray(0, call("read", "output", fd, bytes, 256)));
    }
    const end = text.indexOf("\n");
    const line = text.slice(0, end);
    text = text.slice(end + 1);
    return line;
  };
}

test(
  "a signal goes to every process in a container's cgroups and below",
  here,
  () =>
    withFamily(async ({ path, pids, read }) => {
      const all = await pidsAt(path);
      for (const pid of pids) assert.ok(all.includes(pid));
      assert.ok((await signalAt(path, SIGUSR1))! >= 2);
      assert.deepEqual([read(), read()].sort(), ["child got it", "parent got it"]);
      assert.equal(frozenAt(path), false);
      const count = await signalAt(path, SIGKILL);
      assert.ok(v2 ? count === undefined : count! >= 2);
      assert.equal(waitFor(pids[0]!, { block: true })!.exitCode, 137);
    }),
);

test(
  "what is frozen is so when that returns, and a signal other than SIGKILL waits",
  here,
  () =>
    withFamily(async ({ path, pids, read }) => {
      await freezeAt(path, true);
      assert.equal(frozenAt(path), true);
      const state = v2 ? "cgroup.events" : "freezer.state";
      const text = readFileSync(`/sys/fs/cgroup${v2 ? "" : "/freezer"}${path}/${state}`, "utf8");
      assert.match(text, v2 ? /^frozen 1$/m : /^FROZEN$/m);
      await signalAt(path, SIGUSR1);
      assert.equal(frozenAt(path), true);
      await freezeAt(path, false);
      assert.equal(frozenAt(path), false);
      assert.deepEqual([read(), read()].sort(), ["child got it", "parent got it"]);
      await freezeAt(path, true);
      await signalAt(path, SIGKILL);
      assert.equal(waitFor(pids[0]!, { block: true })!.exitCode, 137);
    }),
);

test("nobody in a cgroup that is not there", here, async () => {
  assert.deepEqual(await pidsAt("/ctr-test/none"), []);
  assert.equal(await signalAt("/ctr-test/none", SIGKILL), 0);
  assert.equal(frozenAt("/ctr-test/none"), false);
  await assert.rejects(freezeAt("/ctr-test/none", true), { code: "failed_precondition" });
  await destroyAt("/ctr-test/none");
  assert.equal(kill(process.pid, 0), true);
});
