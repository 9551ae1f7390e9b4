import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { OciIntelRdt, OciSpec } from "../../src/oci/mod.ts";
import { kill, waitFor } from "../../src/program/mod.ts";
import { create, exec, removeServiceClass } from "../../src/runtime/mod.ts";
import { Bundle, traces } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");
const stdio = { stdin: 0, stdout: 1, stderr: 2 };
const classed = (intelRdt: OciIntelRdt) => ({
  change: (spec: OciSpec): OciSpec => ({ ...spec, linux: { ...spec.linux, intelRdt } }),
});

test("a container and what is added to it are in its class of service", here, async () => {
  await using bundle = new Bundle();
  // A directory in the place of resctrl, which needs hardware.
  const resctrl = mkdtempSync(join(tmpdir(), "ctr-resctrl-"));
  const { id, dir } = bundle;
  const text = (name: string) => readFileSync(join(resctrl, id, name), "utf8");
  try {
    mkdirSync(join(resctrl, "info/MB"), { recursive: true });
    const spec = bundle.spec(["/bin/sleep", "60"], classed({ memBwSchema: "MB:0=10" }));
    const process = await create({ id, bundle: dir, spec, rootfs: [], stdio, resctrl });
    assert.equal(text("schemata"), "MB:0=10\n");
    assert.equal(text("tasks"), String(process.pid));
    process.start();
    const { pid } = process;
    const another = { ...spec.process!, args: ["/bin/true"] };
    const added = await exec({ pid, id, spec, process: another, stdio, resctrl });
    assert.equal(text("tasks"), String(added.pid));
    added.start();
    waitFor(added.pid, { block: true });
    kill(pid, 9);
    waitFor(pid, { block: true });
    for (const name of ["schemata", "tasks"]) rmSync(join(resctrl, id, name));
    await removeServiceClass({ id, spec }, { resctrl });
    assert.ok(!existsSync(join(resctrl, id)));
  } finally {
    rmSync(resctrl, { recursive: true });
  }
});

test("a class of service that cannot be had is refused, and nothing stays", here, async () => {
  await using bundle = new Bundle();
  await bundle.run(["/bin/true"]);
  const before = traces();
  if (!existsSync("/sys/fs/resctrl/schemata")) {
    await assert.rejects(
      bundle.run(["/bin/true"], classed({ l3CacheSchema: "L3:0=f" })),
      /cannot use "linux.intelRdt": .* no resctrl file system is mounted$/,
    );
  }
  const { id, dir } = bundle;
  const resctrl = mkdtempSync(join(tmpdir(), "ctr-resctrl-"));
  try {
    mkdirSync(join(resctrl, "gold/tasks"), { recursive: true }); // cannot be written
    const spec = bundle.spec(["/bin/true"], classed({ closID: "gold" }));
    await assert.rejects(
      create({ id, bundle: dir, spec, rootfs: [], stdio, resctrl }),
      /cannot write ".*\/gold\/tasks": is a directory/,
    );
  } finally {
    rmSync(resctrl, { recursive: true });
  }
  assert.deepEqual(traces(), before);
});
