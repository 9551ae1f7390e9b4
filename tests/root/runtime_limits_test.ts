import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { close, kill, waitFor } from "../../src/program/mod.ts";
import { cgroupVersion, destroy, freeze, pids, stats } from "../../src/runtime/mod.ts";
import { attachDeviceFilter } from "../../src/runtime/device_filter.ts";
import { DEFAULT_DEVICES } from "../../src/runtime/default_devices.ts";
import { Bundle, finish, traces } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");
const v2 = cgroupVersion() === 2;

/** The directory of a controller of version 1; with version 2 there is one for all. */
const directory = (bundle: Bundle, controller: string) =>
  `/sys/fs/cgroup${v2 ? "" : `/${controller}`}${bundle.cgroup}`;
const file = (bundle: Bundle, controller: string, name: string) =>
  readFileSync(`${directory(bundle, controller)}/${name}`, "utf8").trim();

test("limits are in the container's cgroups, and the container in them", here, async () => {
  await using bundle = new Bundle();
  const created = await bundle.create(["/bin/true"], {
    memoryBytes: 64 << 20,
    nanoCpus: 500_000_000,
    pidsLimit: 33,
  });
  if (v2) {
    assert.equal(file(bundle, "memory", "memory.max"), String(64 << 20));
    assert.equal(file(bundle, "memory", "memory.swap.max"), String(64 << 20));
    assert.equal(file(bundle, "cpu", "cpu.max"), "50000 100000");
  } else {
    assert.equal(file(bundle, "memory", "memory.limit_in_bytes"), String(64 << 20));
    assert.equal(file(bundle, "memory", "memory.memsw.limit_in_bytes"), String(128 << 20));
    assert.equal(file(bundle, "cpu", "cpu.cfs_quota_us"), "50000");
  }
  assert.equal(file(bundle, "pids", "pids.max"), "33");
  for (const controller of ["memory", "cpu", "pids", "devices", "freezer"]) {
    assert.equal(file(bundle, controller, "cgroup.procs"), String(created.process.pid));
  }
  assert.equal(finish(created).exitCode, 0);
});

test("too much memory is an OOM kill that is counted", here, async () => {
  await using bundle = new Bundle();
  const script = "dd if=/dev/zero of=/dev/null bs=100M count=1";
  const created = await bundle.create(["/bin/sh", "-c", script], { memoryBytes: 16 << 20 });
  const { exitCode } = finish(created);
  assert.notEqual(exitCode, 0);
  const ref = { id: bundle.id, spec: bundle.spec(["x"]) };
  const counted = await stats(ref);
  assert.ok(counted.oomKills! > 0, JSON.stringify(counted));
  assert.equal(counted.memoryLimitBytes, 16 << 20);
});

test("too many processes are refused", here, async () => {
  await using bundle = new Bundle();
  const { stderr } = await bundle.sh("for i in 1 2 3 4 5 6; do sleep 1 & done; wait", {
    pidsLimit: 4,
  });
  assert.match(stderr, /can't fork/);
});

test("devices that are not allowed cannot be opened", here, async () => {
  await using bundle = new Bundle();
  const { stdout, stderr } = await bundle.sh(
    "mknod /tmp/null c 1 3 && echo x > /tmp/null && echo fine; mknod /tmp/kmsg c 1 11 && cat /tmp/kmsg",
  );
  assert.equal(stdout, "fine\n");
  assert.match(stderr, /kmsg.*not permitted/);
});

test("stats(), pids() and freeze() see a running container", here, async () => {
  await using bundle = new Bundle();
  const { process, stdout, stderr } = await bundle.create(["/bin/sleep", "60"]);
  process.start();
  const ref = { id: bundle.id, spec: bundle.spec(["x"]) };
  try {
    assert.deepEqual(await pids(ref), [process.pid]);
    const counted = await stats(ref);
    assert.equal(counted.pids, 1);
    assert.ok(counted.memoryBytes! > 0 && counted.cpuNs! > 0);
    const frozen = () =>
      v2
        ? /^frozen 1$/m.test(file(bundle, "", "cgroup.events"))
        : file(bundle, "freezer", "freezer.state") === "FROZEN";
    await freeze(ref, true);
    for (let i = 0; !frozen(); i++) {
      assert.ok(i < 100);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await freeze(ref, false);
    assert.equal(frozen(), false);
  } finally {
    kill(process.pid, 9);
    waitFor(process.pid, { block: true });
    close(stdout);
    close(stderr);
  }
});

test("destroy() ends what is left, frozen and in cgroups below", here, async () => {
  await using bundle = new Bundle();
  await bundle.run(["/bin/true"]);
  const before = traces();
  const { process, stdout, stderr } = await bundle.create(["/bin/sleep", "60"]);
  process.start();
  const ref = { id: bundle.id, spec: bundle.spec(["x"]) };
  const below = `${directory(bundle, "pids")}/below`;
  mkdirSync(below);
  writeFileSync(`${below}/cgroup.procs`, String(process.pid));
  await freeze(ref, true);
  await destroy(ref);
  assert.equal(waitFor(process.pid, { block: true })!.exitCode, 137);
  close(stdout);
  close(stderr);
  await destroy(ref);
  assert.deepEqual(traces(), before);
});

test("a cgroup in use is not shared by mistake", here, async () => {
  await using bundle = new Bundle();
  const { process, stdout, stderr } = await bundle.create(["/bin/true"]);
  await assert.rejects(bundle.create(["/bin/true"]), { code: "already_exists" });
  process.abandon();
  close(stdout);
  close(stderr);
});

test("the kernel takes the device filter of version 2 and enforces it", {
  ...needs("root", "file:/sys/fs/cgroup/unified/cgroup.procs", "file:/bin/busybox"),
}, async () => {
  const directory = `/sys/fs/cgroup/unified/ctr-test-devices-${process.pid}`;
  mkdirSync(directory);
  try {
    attachDeviceFilter(directory, [
      { allow: false, access: "rwm" },
      ...DEFAULT_DEVICES.map(({ major, minor }) => ({
        allow: true,
        type: "c" as const,
        major: major!,
        minor: minor!,
        access: "rwm",
      })),
    ]);
    const { execFileSync } = await import("node:child_process");
    const script = `echo $$ > ${directory}/cgroup.procs; true < /dev/zero && echo zero;` +
      "true < /dev/kmsg || echo refused";
    const out = execFileSync("/bin/busybox", ["sh", "-c", script], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    assert.equal(out, "zero\nrefused\n");
  } finally {
    rmdirSync(directory);
  }
});
