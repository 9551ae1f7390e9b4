import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runtimeArgv } from "../../ffi/mod.ts";
import type { LeaseTable } from "./leases.ts";
import { openState, type State } from "./open.ts";

async function withLeases(
  work: (bench: { leases: LeaseTable; state: State; root: string }) => Promise<void>,
): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "ctr-leases-"));
  const state = openState({ data: join(root, "data"), exec: join(root, "exec") });
  try {
    await work({ leases: await state.leases(), state, root });
  } finally {
    state.close();
    rmSync(root, { recursive: true, force: true });
  }
}

test("a lease holds until it ends, and leaves nothing", () =>
  withLeases(async ({ leases, root }) => {
    const lease = leases.take("pull");
    lease.hold("image", ["sha256:a"]);
    lease.hold("snapshot", ["overlayfs/x", "overlayfs/y"]);
    lease.hold("image", ["sha256:a"]);
    assert.equal(leases.isAlive(lease.id), true);
    assert.deepEqual(leases.list().map(({ purpose }) => purpose), ["pull"]);
    assert.deepEqual(leases.held(lease.id), [
      { kind: "image", name: "sha256:a" },
      { kind: "snapshot", name: "overlayfs/x" },
      { kind: "snapshot", name: "overlayfs/y" },
    ]);
    assert.equal(leases.endDead(), 0);
    lease.end();
    lease.end();
    assert.deepEqual([leases.list(), leases.held()], [[], []]);
    assert.deepEqual(readdirSync(join(root, "data/leases")), []);
  }));

test("a lease ends with its transaction, or not at all", () =>
  withLeases(async ({ leases, state }) => {
    const lease = leases.take("pull");
    lease.hold("blob", ["sha256:a"]);
    assert.throws(() =>
      state.transaction(() => {
        lease.end();
        throw new Error("no");
      }), /no/);
    assert.equal(leases.held().length, 1, "a later collection ends it");
    assert.equal(leases.endDead(), 1);
    assert.deepEqual(leases.held(), []);
  }));

test("endDead() ends what a killed process had, whatever it was doing", () =>
  withLeases(async ({ leases, root }) => {
    const program = join(root, "program.ts");
    const { href } = new URL("./open.ts", import.meta.url);
    writeFileSync(
      program,
      `import { openState } from ${JSON.stringify(href)};
       const state = openState({ data: ${JSON.stringify(join(root, "data"))}, exec: "/" });
       const lease = (await state.leases()).take("pull", { keepMs: 60_000 });
       lease.hold("image", ["sha256:a"]);
       console.log("ready");
       setInterval(() => {}, 1000);`,
    );
    const [runtime, ...args] = runtimeArgv;
    const child = spawn(runtime!, [...args, program], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    const { id, expiresAt } = leases.list()[0]!;
    assert.equal(leases.isAlive(id), true);
    assert.equal(leases.endDead(), 0);
    process.kill(child.pid!, "SIGKILL");
    await once(child, "exit");
    assert.equal(leases.isAlive(id), false);
    assert.equal(leases.endDead({ now: Date.now() }), 0, "it has not expired");
    assert.equal(leases.held().length, 1);
    assert.equal(leases.endDead({ now: expiresAt }), 1);
    assert.deepEqual(leases.held(), []);
    assert.deepEqual(readdirSync(join(root, "data/leases")), []);
  }));

test("leave() lets go of a lease that is worth keeping, and ends another", () =>
  withLeases(async ({ leases }) => {
    const [kept, other] = [leases.take("pull", { keepMs: 60_000 }), leases.take("load")];
    kept.leave();
    other.leave();
    assert.deepEqual(leases.list().map(({ id }) => id), [kept.id]);
    assert.equal(leases.isAlive(kept.id), false);
    assert.equal(leases.endDead(), 1);
  }));

test("endDead() removes files that never got a row, but not those of a lease that begins", () =>
  withLeases(async ({ leases, root }) => {
    using lease = leases.take("pull");
    writeFileSync(join(root, "data/leases/left-by-a-crash"), "");
    leases.endDead();
    assert.deepEqual(readdirSync(join(root, "data/leases")), [lease.id]);
  }));
