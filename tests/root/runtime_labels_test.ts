import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { OciProcess, OciSpec } from "../../src/oci/mod.ts";
import { close, kill, waitFor } from "../../src/program/mod.ts";
import { hasAppArmor, withProfiles } from "../fixtures/apparmor.ts";
import { Bundle, type Variation } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");
const labelled = (process: Partial<OciProcess>, more: Partial<OciSpec> = {}): Variation => ({
  change: (spec) => ({ ...spec, ...more, process: { ...spec.process!, ...process } }),
});

test("a label of a system that the host does not have is refused", here, async () => {
  await using bundle = new Bundle();
  const refused = (process: Partial<OciProcess>, message: RegExp) =>
    assert.rejects(bundle.run(["/bin/true"], labelled(process)), message);
  await refused(
    { apparmorProfile: "no-such-profile" },
    hasAppArmor()
      ? /cannot apply AppArmor profile "no-such-profile": no such file or directory/
      : /"no-such-profile": apparmor failed to apply profile: this host has no AppArmor$/,
  );
  if (!existsSync("/sys/fs/selinux/enforce")) {
    await refused(
      { selinuxLabel: "system_u:system_r:container_t:s0" },
      /selinux label is specified in config, but selinux is disabled or not supported$/,
    );
  }
  const unconfined = await bundle.run(["/bin/true"], labelled({ apparmorProfile: "unconfined" }));
  assert.equal(unconfined.exitCode, 0);
});

/** Runs where the kernel has AppArmor: in the virtual machine of `tests/vm`. */
async function confined(): Promise<void> {
  await using bundle = new Bundle();
  // CVE-2019-16884: what the image has at /proc is not where the label is written.
  const fake = join(bundle.rootfs, "proc/self/attr/apparmor");
  mkdirSync(fake, { recursive: true });
  for (const name of ["apparmor/exec", "exec"]) {
    writeFileSync(join(bundle.rootfs, "proc/self/attr", name), "");
  }
  const complain = labelled({ apparmorProfile: "ctr-complain" });
  const { stdout } = await bundle.run(["/bin/cat", "/proc/self/attr/current"], complain);
  assert.equal(stdout.trim(), "ctr-complain (complain)");

  const noProc = labelled({ apparmorProfile: "ctr-complain" }, { mounts: [] });
  const args = ["/bin/sleep", "60"];
  const { process, stdout: out, stderr } = await bundle.create(args, noProc);
  process.start();
  try {
    const label = (pid: number) => readFileSync(`/proc/${pid}/attr/current`, "utf8").trim();
    assert.equal(label(process.pid), "ctr-complain (complain)");
    assert.equal(readFileSync(join(fake, "exec"), "utf8"), "");
    const spec = bundle.spec(args, noProc);
    const command = ["/bin/cat", "/etc/hosts"];
    const add = (more: Partial<OciProcess>) =>
      bundle.exec({
        pid: process.pid,
        spec,
        process: { ...spec.process!, args: command, ...more },
      });
    writeFileSync(join(bundle.rootfs, "etc/hosts"), "hosts\n");
    assert.equal((await add({})).stdout, "hosts\n");
    assert.match((await add({ apparmorProfile: "ctr-enforce" })).stderr, /ermission denied/);
  } finally {
    kill(process.pid, 9);
    waitFor(process.pid, { block: true });
    for (const fd of [out, stderr]) close(fd);
  }
}

test("a profile confines a container, and what is added to it", here, async () => {
  if (!hasAppArmor()) return; // the test before this one says what happens then
  await withProfiles({ "ctr-complain": "complain", "ctr-enforce": "enforce" }, confined);
});
