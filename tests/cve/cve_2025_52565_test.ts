import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { OciSpec } from "../../src/oci/mod.ts";
import { close, waitFor } from "../../src/program/mod.ts";
import { Bundle } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";

// runc: the terminal was mounted on /dev/console by path, before anything was masked. With
// /dev/console a link into /proc it could be mounted over a file there, or its source could be
// another file than the terminal.

const here = needs("root", "cgroup", "file:/bin/busybox");

/** A terminal in the /dev that the image has, or nothing but its devpts. */
const inOwnDev = (keep: readonly string[]) => (spec: OciSpec): OciSpec => ({
  ...spec,
  process: { ...spec.process!, terminal: true },
  mounts: spec.mounts!.filter(({ destination }) =>
    !destination.startsWith("/dev") || keep.includes(destination)
  ),
});

/** Create a container with a terminal; its output goes nowhere. */
async function run(bundle: Bundle, script: string, keep: readonly string[]): Promise<number> {
  const created = await bundle.create(["/bin/sh", "-c", script], {
    terminal: true,
    change: inOwnDev(keep),
  });
  const { process, stdout, stderr } = created;
  try {
    process.start();
    return waitFor(process.pid, { block: true })!.exitCode;
  } finally {
    for (const fd of [process.console!, stdout, stderr]) close(fd);
    await bundle.destroy();
  }
}

test("CVE-2025-52565: a terminal is mounted on no link's target", here, async () => {
  const script = "[ ! -c /etc/target ] && [ ! -c /proc/sys/kernel/domainname ] && " +
    "[ $(cat /etc/target) = untouched ] && [ $(tty) = /dev/pts/0 ]";
  for (const to of ["/etc/target", "../etc/target", "/proc/sys/kernel/domainname"]) {
    await using bundle = new Bundle();
    const link = join(bundle.rootfs, "dev/console");
    fs.mkdirSync(join(bundle.rootfs, "dev/pts"), { recursive: true });
    fs.writeFileSync(join(bundle.rootfs, "etc/target"), "untouched");
    fs.symlinkSync(to, link);
    assert.equal(await run(bundle, script, ["/dev/pts"]), 0);
    assert.equal(fs.readlinkSync(link), to);
  }
});

test("CVE-2025-52565: no link leads to a terminal of the host", here, async () => {
  for (let fd = 3; fd < 24; fd++) {
    await using bundle = new Bundle();
    fs.mkdirSync(join(bundle.rootfs, "dev"));
    // Descriptors of the host are open while the terminal is.
    fs.symlinkSync(`/proc/self/fd/${fd}/dev/pts`, join(bundle.rootfs, "dev/pts"));
    await assert.rejects(run(bundle, "true", []), /cannot open terminal .*ELOOP/);
  }
});
