import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import type { OciMount, OciSpec } from "../../src/oci/mod.ts";
import { explain, ProgramBuilder } from "../../src/program/mod.ts";
import { cgroupMountSteps } from "../../src/runtime/cgroup_mount_steps.ts";
import { planNamespaces } from "../../src/runtime/namespaces.ts";
import { newTree } from "../../src/runtime/target_steps.ts";
import { Bundle, inUserNamespace } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";

// runc: in a user namespace, without a cgroup namespace of the container's own, it had the host's
// /sys/fs/cgroup mounted writable: the user's other containers could be changed and stopped.

const here = needs("root", "cgroup", "file:/bin/busybox");

/** Who owns the control groups, in a user namespace and with the host's cgroup namespace. */
const rootless = (mounts: (all: readonly OciMount[]) => readonly OciMount[]) => (spec: OciSpec) => {
  const inside = inUserNamespace(spec);
  const namespaces = inside.linux!.namespaces!.filter(({ type }) => type !== "cgroup");
  return {
    ...inside,
    mounts: mounts(inside.mounts!),
    linux: { ...inside.linux!, namespaces, uidMappings: OWNER, gidMappings: OWNER },
  };
};

const OWNER = [{ containerID: 0, hostID: 0, size: 65536 }];
const CGROUP = (options: readonly string[]): OciMount => ({
  destination: "/sys/fs/cgroup",
  type: "cgroup",
  source: "cgroup",
  options: ["nosuid", "noexec", "nodev", ...options],
});
const BOUND: OciMount = {
  destination: "/sys",
  type: "none",
  source: "/sys",
  options: ["rbind", "nosuid", "noexec", "nodev", "ro"],
};
const WRITE = `for d in /sys/fs/cgroup /sys/fs/cgroup/* /sys/fs/cgroup/*/*; do
    [ -d $d ] || continue
    mkdir $d/cve25809 2>/dev/null && echo made $d
    for f in cgroup.procs notify_on_release; do
      [ -f $d/$f ] && (echo 0 > $d/$f) 2>/dev/null && echo wrote $d/$f
    done
  done; ls /sys/fs/cgroup | wc -l`;

/** What it could change, and whether there was anything to be changed. */
async function attack(mounts: readonly OciMount[]): Promise<[changed: string, seen: boolean]> {
  await using bundle = new Bundle();
  const ran = await bundle.sh(WRITE, {
    securityOpt: ["seccomp=unconfined"],
    change: rootless((all) => [
      ...all.filter(({ destination }) => !destination.startsWith("/sys")),
      ...mounts,
    ]),
  });
  const lines = ran.stdout.trim().split("\n");
  const seen = Number(lines.pop()) > 0;
  return [lines.join("\n"), seen];
}

test("CVE-2023-25809: a container of a user cannot write to control groups", here, async () => {
  assert.deepEqual(await attack([BOUND, CGROUP(["ro"])]), ["", true]);
  assert.deepEqual(await attack([BOUND, CGROUP(["relatime", "ro"])]), ["", true]);
  const sysfs = { destination: "/sys", type: "sysfs", source: "sysfs", options: ["ro"] };
  assert.deepEqual(await attack([sysfs, CGROUP(["ro"])]), ["", true]);
  assert.ok(!existsSync("/sys/fs/cgroup/cve25809"));
  // It could, if the mount were not read-only.
  assert.match((await attack([BOUND, CGROUP(["rw"])]))[0], /made .*\n/);
});

test("CVE-2023-25809: nor where the hierarchy is the unified one", async () => {
  const namespaces = [{ type: "mount" }, { type: "user" }, { type: "pid" }] as const;
  for (const more of [[], [{ type: "cgroup" }] as const]) {
    const p = new ProgramBuilder("test");
    const tree = newTree(p.step("openat", [-100, "/", 0, 0]));
    cgroupMountSteps(p, tree, CGROUP(["ro"]), {
      cgroupMounts: [{ source: "/sys/fs/cgroup/of/container", name: "" }],
      plan: planNamespaces([...namespaces, ...more]),
    });
    const lines = (await explain(p)).split("\n");
    const index = (what: RegExp) => lines.findIndex((line) => what.test(line));
    const [opened, protectedAt, moved] = [
      /open_tree\(.*of\/container/,
      /mount_setattr/,
      /move_mount/,
    ]
      .map(index);
    // Read-only before it has a place.
    assert.ok(0 <= opened! && opened! < protectedAt! && protectedAt! < moved!, lines.join("\n"));
    assert.match(lines[protectedAt!]!, /RDONLY/);
  }
});
