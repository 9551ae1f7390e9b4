/**
 * What is left of a snapshotter's promises when several processes use it at once, and when one of
 * them is killed in the middle of something.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Snapshotter } from "../../src/snapshot/mod.ts";
import type { State } from "../../src/state/mod.ts";
import { type Running, RUNTIME, start, until } from "../fixtures/cli.ts";
import { mounted } from "../fixtures/mounted.ts";
import { random } from "../fixtures/random.ts";
import { ROOT } from "../fixtures/source_scan.ts";
import { type Implementation, layer, snapshotterCases } from "./snapshotter_case.ts";

const RUNTIMES = { bun: ["bun"], deno: ["deno", "run", "-A", "--no-check"] } as const;
const KILLS = 5;

/** Register the suite. */
export function snapshotterTroubleContract(implementation: Implementation): void {
  const contract = snapshotterCases(implementation);
  const worker = (state: State, id: string, rounds: number): Running =>
    start([
      ...RUNTIMES[RUNTIME],
      join(ROOT, "tests/fixtures/snapshots_program.ts"),
      ...[implementation.name, state.dirs.data, id, String(rounds)],
    ]);

  contract("several processes at once", async (s, state) => {
    await layer(s, "base", undefined, { path: "f", data: "x" });
    const ended = await Promise.all(
      ["a", "b", "c"].map((id) => worker(state, id, 4).ended),
    );
    for (const { code, stderr } of ended) assert.deepEqual([code, stderr], [0, ""]);
    const won = ended.flatMap(({ stdout }) => stdout.split("\n").filter((l) => /^won/.test(l)));
    assert.deepEqual(won.sort(), [0, 1, 2, 3].map((round) => `won contest-${round}`));
    const names = await walk(s);
    assert.deepEqual(
      names.sort(),
      [0, 1, 2, 3].map((round) => `contest-${round}`).concat("base")
        .sort(),
    );
    assertNoOrphans(s, state);
    for (const round of [0, 3]) {
      assert.equal(await mounted(await s.mounts(`contest-${round}`), "cat f"), "x");
    }
  });

  contract("a process that is killed leaves nothing that stays", async (s, state) => {
    await layer(s, "base", undefined, { path: "f", data: "x" });
    const { int } = random(4);
    for (let kill = 0; kill < KILLS; kill++) {
      const running = worker(state, `k${kill}`, 1000);
      await until("it to begin", () => running.stdout().includes("ready"));
      await new Promise((resolve) => setTimeout(resolve, 10 + int(60)));
      running.kill("SIGKILL");
      await running.ended;
      assert.match(await mounted(await s.view("look", "base"), "cat f; ls"), /^xf\n$/);
      await s.remove("look");
      // Whoever finds them may remove them: children first, a parent is refused as long as it has one.
      for (let names = await others(s); names.length > 0; names = await others(s)) {
        let removed = 0;
        for (const name of names) {
          const done = await s.remove(name).then(() => true, ({ code }: { code?: string }) => {
            assert.equal(code, "failed_precondition");
            return false;
          });
          if (done) removed++;
        }
        assert.ok(removed > 0, names.join());
      }
      await s.settled();
      await s.cleanup();
      assert.deepEqual(await walk(s), ["base"]);
      assertNoOrphans(s, state);
    }
  });

  contract("a snapshot whose directory is not there can be removed", async (s, state) => {
    await layer(s, "base", undefined, { path: "f", data: "x" });
    const row = { kind: "active", labels: {}, createdAt: 0 } as const;
    const table = state.snapshots(s.name);
    table.insert({ ...row, name: "begun", parent: table.get("base")!.number });
    assert.equal((await s.stat("begun")).parent, "base");
    await assert.rejects(s.prepare("begun", "base"), { code: "already_exists" });
    await s.remove("begun");
    assert.equal(await mounted(await s.prepare("begun", "base"), "cat f"), "x");
  });
}

async function walk(s: Snapshotter): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of s.walk()) names.push(name);
  return names;
}

async function others(s: Snapshotter): Promise<string[]> {
  return (await walk(s)).filter((name) => name !== "base");
}

/** Every directory has a record. */
function assertNoOrphans(s: Snapshotter, state: State): void {
  const root = join(state.dirs.data, "snapshots", s.name);
  const numbers = state.snapshots(s.name).list().map(({ number }) => String(number));
  const found = existsSync(root) ? readdirSync(root) : [];
  assert.deepEqual(found.filter((name) => !numbers.includes(name)), []);
}
