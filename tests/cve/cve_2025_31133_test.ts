import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { MS } from "../../src/linux/mod.ts";
import type { OciMount, OciSpec } from "../../src/oci/mod.ts";
import { inPlainRoot } from "../fixtures/attack.ts";
import { Bundle } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";

// runc: files are masked by mounting the container's /dev/null on them, which could be a link, or be
// made one meanwhile: its target was mounted instead, and could be written. A missing one was no error.

const here = needs("root", "cgroup", "file:/bin/busybox");
const MASKED = ["/etc/masked", "/proc/keys", "/not/there"];

/** A /dev in which /dev/null is what somebody else made of it. */
const withDev = (dev: readonly OciMount[]) => (spec: OciSpec): OciSpec => ({
  ...spec,
  mounts: [
    ...spec.mounts!.filter(({ destination }) => !destination.startsWith("/dev")),
    ...dev,
  ],
  linux: { ...spec.linux!, maskedPaths: MASKED },
});

function prepare(bundle: Bundle): void {
  fs.writeFileSync(join(bundle.rootfs, "etc/masked"), "masked");
  fs.writeFileSync(join(bundle.rootfs, "etc/other"), "other");
  fs.mkdirSync(join(bundle.rootfs, "dev"));
}

const LOOK = "stat -c '%F %t:%T' /etc/masked /proc/keys; cat /etc/masked /proc/keys; " +
  "echo x > /etc/masked; echo x > /proc/keys; cat /etc/other";
const HIDDEN = "character special file 1:3\n".repeat(2) + "other";

const ATTACKS: Readonly<Record<string, (at: string) => void>> = {
  "a link to a file": (at) => fs.symlinkSync("/etc/other", at),
  "a file": (at) => fs.writeFileSync(at, "null"),
  "a link to nothing": (at) => fs.symlinkSync("/not/there", at),
  "a directory": (at) => fs.mkdirSync(at),
};

test("CVE-2025-31133: what a link at /dev/null leads to hides nothing", here, async () => {
  await using bundle = new Bundle();
  prepare(bundle);
  fs.symlinkSync("/etc/other", join(bundle.rootfs, "dev/null"));
  const shown = inPlainRoot(bundle, ["/bin/cat", "/etc/masked"], (p) => {
    p.step("mount", ["/dev/null", "/etc/masked", 0, MS.MS_BIND, 0]);
  });
  assert.equal(shown, "other");
});

for (const [what, attack] of Object.entries(ATTACKS)) {
  test(`CVE-2025-31133: paths are masked though /dev/null is ${what}`, here, async () => {
    await using bundle = new Bundle();
    prepare(bundle);
    attack(join(bundle.rootfs, "dev/null"));
    const own = await bundle.sh(LOOK, { change: withDev([]) });
    assert.equal(own.stdout, HIDDEN, own.stderr);
    // In a file system that the container does not begin with empty.
    for (const name of ["upper", "work", "lower"]) fs.mkdirSync(join(bundle.dir, name));
    attack(join(bundle.dir, "upper/null"));
    const options = ["upper", "work", "lower"].map((name) => `${name}dir=${bundle.dir}/${name}`);
    const overlay = { destination: "/dev", type: "overlay", source: "overlay", options };
    const mounted = await bundle.sh(LOOK, { change: withDev([overlay]) });
    assert.equal(mounted.stdout, HIDDEN, mounted.stderr);
    const bind = { destination: "/dev", source: join(bundle.dir, "upper"), options: ["bind"] };
    const bound = await bundle.sh(LOOK, { change: withDev([bind]) });
    assert.equal(bound.stdout, HIDDEN, bound.stderr);
  });
}
