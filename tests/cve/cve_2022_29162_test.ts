import assert from "node:assert/strict";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { OciSpec } from "../../src/oci/mod.ts";
import { end, plainly } from "../fixtures/attack.ts";
import { Bundle } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";
import { OciRuntime } from "../fixtures/oci_command.ts";

// runc: `exec --cap` made capabilities inheritable. A program that has inheritable capabilities on its
// file gave them to whoever ran it then, also without being root.

const here = needs("root", "cgroup", "file:/bin/busybox");
const CAP_NET_RAW = 13;

/** A busybox whose file says that it takes CAP_NET_RAW from who has it inheritable. */
function inheriting(bundle: Bundle): void {
  mkdirSync(join(bundle.rootfs, "inherits"));
  const file = join(bundle.rootfs, "inherits/busybox");
  copyFileSync("/bin/busybox", file);
  const VFS_CAP_REVISION_2 = 0x02000000;
  const VFS_CAP_FLAGS_EFFECTIVE = 1;
  const words = [VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, 0, 1 << CAP_NET_RAW, 0, 0];
  const value = new Uint8Array(new Uint32Array(words).buffer);
  assert.equal(plainly("setxattr", file, "security.capability", value, value.length, 0), 0);
}

const COMMAND = ["/inherits/busybox", "grep", "-E", "Cap(Inh|Prm|Eff)", "/proc/self/status"];
const NONE = "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n";
const GAINED = NONE.replaceAll("0000000000000000", "0000000000002000");

test("CVE-2022-29162: nothing is inheritable that the spec does not say", here, async () => {
  await using bundle = new Bundle();
  inheriting(bundle);
  const user = { uid: 1000, gid: 1000 };
  const inheritable = (spec: OciSpec): OciSpec => {
    const capabilities = { ...spec.process!.capabilities, inheritable: ["CAP_NET_RAW"] };
    return { ...spec, process: { ...spec.process!, capabilities } };
  };
  // As it was with runc.
  assert.equal((await bundle.run(COMMAND, { ...user, change: inheritable })).stdout, GAINED);
  assert.equal((await bundle.run(COMMAND, user)).stdout, NONE);
  const args = ["/bin/sleep", "60"];
  const spec = bundle.spec(args);
  const created = await bundle.create(args);
  try {
    created.process.start();
    const added = { ...spec.process!, user, args: COMMAND };
    const { pid } = created.process;
    assert.equal((await bundle.exec({ pid, spec, process: added })).stdout, NONE);
  } finally {
    end(created);
  }
});

test("CVE-2022-29162: exec --cap makes nothing inheritable", here, async () => {
  await using oci = new OciRuntime();
  inheriting(oci.bundle);
  oci.configure(["/bin/sleep", "60"]);
  await oci.create();
  await oci.start();
  const exec = (...flags: string[]) => oci.ok(["exec", ...flags, oci.id, ...COMMAND]);
  assert.equal(await exec("--cap", "CAP_NET_RAW", "--user", "1000:1000"), NONE);
  // It is in the bounding set of both, or the file's capabilities would count for nothing.
  const root = await oci.ok(["exec", "--cap", "CAP_NET_ADMIN", oci.id, ...COMMAND.slice(1)]);
  assert.match(root, /CapInh:\t0000000000000000\n/);
  assert.match(root, /CapEff:\t00000000a80435fb\n/);
});
