import assert from "node:assert/strict";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { OciSpec } from "../../src/oci/mod.ts";
import { create } from "../../src/runtime/mod.ts";
import { Bundle } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");

test("a root that is no directory, or reached by a link, is refused", here, async () => {
  await using bundle = new Bundle();
  symlinkSync("rootfs", join(bundle.dir, "link"));
  writeFileSync(join(bundle.dir, "file"), "");
  const refused = (path: string, reason: RegExp) =>
    assert.rejects(
      bundle.run(["/bin/true"], { change: (spec) => ({ ...spec, root: { path } }) }),
      reason,
    );
  await refused(
    "link",
    /cannot use "root.path": invalid rootfs: "link" is, or is below, a symlink/,
  );
  await refused("link/bin", /is, or is below, a symlink/);
  await refused(join(bundle.dir, "link"), /is, or is below, a symlink/);
  await refused("file", /cannot mount rootfs ".*\/file": not a directory/);
  await refused("nothing", /cannot mount rootfs ".*\/nothing": no such file or directory/);
});

test(
  "a kernel parameter of the host's network is refused, however it is joined",
  here,
  async () => {
    await using bundle = new Bundle();
    const joined = (path?: string) => (spec: OciSpec): OciSpec => ({
      ...spec,
      linux: {
        ...spec.linux,
        namespaces: spec.linux!.namespaces!.filter(({ type }) => type !== "network")
          .concat(path === undefined ? [] : [{ type: "network", path }]),
        sysctl: { "net.ipv4.ip_forward": "1" },
      },
    });
    const refused = (path: string | undefined, reason: RegExp) =>
      assert.rejects(bundle.run(["/bin/true"], { change: joined(path) }), reason);
    await refused(
      "/proc/self/ns/net",
      /cannot set sysctl "net.ipv4.ip_forward": not allowed in host network namespace/,
    );
    await refused(
      undefined,
      /"net.ipv4.ip_forward": the container uses the host's network namespace/,
    );
    await refused("/no/such", /cannot look at network namespace "\/no\/such": no such file/);
    await assert.rejects(
      bundle.run(["/bin/true"], { sysctl: { "kernel.hostname": "x" } }),
      /not allowed as it conflicts with the OCI "hostname" field/,
    );
  },
);

test("what is asked for in vain is told, and does no harm", here, async () => {
  await using bundle = new Bundle();
  const warnings: string[] = [];
  const spec = bundle.spec(["/bin/true"], {
    change: (spec) => ({
      ...spec,
      process: { ...spec.process!, capabilities: { bounding: ["CAP_NONE"], effective: ["CAP_X"] } },
    }),
  });
  const process = await create({
    id: bundle.id,
    bundle: bundle.dir,
    spec,
    rootfs: [],
    stdio: { stdin: 0, stdout: 1, stderr: 2 },
    warn: (text) => warnings.push(text),
  });
  process.abandon();
  assert.deepEqual(warnings, ["ignoring unknown or unavailable capabilities: CAP_NONE, CAP_X"]);
});
