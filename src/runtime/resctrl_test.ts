import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { OciIntelRdt } from "../oci/mod.ts";
import { RdtClass, type RdtOptions, resctrlRoot } from "./resctrl.ts";
import { agreesWith, schemaLines } from "./resctrl_schemata.ts";

test("resctrlRoot() finds the mount", () => {
  const line = "34 24 0:30 / /sys/fs/res\\040ctrl rw,nosuid shared:9 - resctrl resctrl rw";
  const other = "35 24 0:31 / /resctrl rw - tmpfs resctrl rw";
  assert.equal(resctrlRoot(`${other}\n${line}\n`), "/sys/fs/res ctrl");
  assert.equal(resctrlRoot(other), undefined);
});

test("schemaLines() joins what a spec says, and lets the line for bandwidth win", () => {
  assert.deepEqual(schemaLines({}), []);
  assert.deepEqual(
    schemaLines({
      l3CacheSchema: "L3:0=f\nMB:0=5",
      memBwSchema: "MB:0=10",
      schemata: ["L2:0=1", "L3:0=3"],
    }),
    ["L3:0=f", "MB:0=10", "L2:0=1", "L3:0=3"],
  );
  assert.deepEqual(schemaLines({ l3CacheSchema: "L3:0=f\nMB:0=5" }), ["L3:0=f", "MB:0=5"]);
});

test("agreesWith() compares numbers, not texts", () => {
  const present = "    MB:0= 20;1= 70\n    L3:0=0007f0;1=00001f\n";
  assert.ok(agreesWith(present, "L3:1=1f;0=7F0"));
  assert.ok(agreesWith(present, "MB:0=20"));
  assert.ok(!agreesWith(present, "MB:0=21"));
  assert.ok(!agreesWith(present, "L3:0=7f0;2=1f"));
  assert.ok(!agreesWith(present, "L2:0=1"));
  assert.ok(!agreesWith(present, "L3:0=x"));
});

const makeRdt = (options: RdtOptions) => new RdtClass(options).make();
const removeRdt = (options: RdtOptions) => new RdtClass(options).remove();
const enterRdt = (options: RdtOptions, pid: number) =>
  new RdtClass(options).take({ pid, abandon: () => assert.fail("given up") });

/** A directory that looks like resctrl, but for files that the kernel would make with directories. */
function fake(): Disposable & { readonly root: string; text(path: string): string } {
  const root = mkdtempSync(join(tmpdir(), "ctr-resctrl-"));
  for (const name of ["L3", "MB"]) mkdirSync(join(root, "info", name), { recursive: true });
  writeFileSync(join(root, "info/last_cmd_status"), "ok\n");
  return {
    root,
    text: (path) => readFileSync(join(root, path), "utf8"),
    [Symbol.dispose]: () => rmSync(root, { recursive: true }),
  };
}

test("a container without a class of its own gets one, and it goes with it", () => {
  using resctrl = fake();
  const { root } = resctrl;
  const options = { id: "c1", rdt: { l3CacheSchema: "L3:0=f", memBwSchema: "MB:0=10" }, root };
  makeRdt(options);
  enterRdt(options, 123);
  assert.equal(resctrl.text("c1/schemata"), "L3:0=f\nMB:0=10\n");
  assert.equal(resctrl.text("c1/tasks"), "123");
  for (const name of ["schemata", "tasks"]) rmSync(join(root, "c1", name));
  removeRdt(options);
  removeRdt(options);
  assert.deepEqual(readdirSync(root), ["info"]);
});

test("a class that has a name is made, shared if it is the same, and stays", () => {
  using resctrl = fake();
  const { root } = resctrl;
  const rdt: OciIntelRdt = { closID: "gold", memBwSchema: "MB:0=10", schemata: ["L3:0=3"] };
  makeRdt({ id: "c1", rdt, root });
  assert.equal(resctrl.text("gold/schemata"), "MB:0=10\nL3:0=3\n");
  writeFileSync(join(root, "gold/schemata"), "    MB:0=  10\n    L3:0=003\n");
  makeRdt({ id: "c2", rdt, root });
  assert.equal(resctrl.text("gold/schemata"), "L3:0=3\n"); // what may change it is written
  removeRdt({ id: "c1", rdt, root });
  assert.ok(existsSync(join(root, "gold")));
  assert.throws(
    () => makeRdt({ id: "c3", rdt: { closID: "gold", l3CacheSchema: "L3:0=f" }, root }),
    { code: "failed_precondition" },
  );
  assert.equal(resctrl.text("gold/schemata"), "L3:0=3\n");
  makeRdt({ id: "c4", rdt: { closID: "gold" }, root });
  assert.throws(() => makeRdt({ id: "c5", rdt: { closID: "tin" }, root }), { code: "not_found" });
  makeRdt({ id: "c6", rdt: { closID: "/" }, root });
  assert.deepEqual(readdirSync(root).sort(), ["gold", "info"]);
});

test("a monitoring group is the container's, whatever its class", () => {
  using resctrl = fake();
  const { root } = resctrl;
  const options = { id: "c1", rdt: { closID: "gold", enableMonitoring: true }, root };
  mkdirSync(join(root, "gold/mon_groups"), { recursive: true });
  makeRdt(options);
  enterRdt(options, 7);
  assert.equal(resctrl.text("gold/tasks"), "7");
  assert.equal(resctrl.text("gold/mon_groups/c1/tasks"), "7");
  rmSync(join(root, "gold/mon_groups/c1/tasks"));
  removeRdt(options);
  assert.deepEqual(readdirSync(join(root, "gold/mon_groups")), []);
});

test("what the host does not have is refused, and why the kernel refused is told", () => {
  using resctrl = fake();
  const { root } = resctrl;
  rmSync(join(root, "info/MB"), { recursive: true });
  assert.throws(
    () => makeRdt({ id: "c1", rdt: { memBwSchema: "MB:0=10" }, root }),
    /memBwSchema is specified in config, but Intel RDT\/MBA is not enabled$/,
  );
  rmSync(join(root, "info/L3"), { recursive: true });
  assert.throws(
    () => makeRdt({ id: "c1", rdt: { l3CacheSchema: "L3:0=1" }, root }),
    /l3CacheSchema is specified in config, but Intel RDT\/CAT is not enabled$/,
  );
  mkdirSync(join(root, "c1/schemata"), { recursive: true });
  writeFileSync(join(root, "info/last_cmd_status"), "mask has too many bits\n");
  assert.throws(
    () => makeRdt({ id: "c1", rdt: { schemata: ["L3:0=fff"] }, root }),
    /cannot write ".*\/c1\/schemata": .*, last_cmd_status: mask has too many bits$/,
  );
  assert.ok(existsSync(join(root, "c1"))); // it was there before
});
