import assert from "node:assert/strict";
import { test } from "node:test";
import { explain, ProgramBuilder } from "../program/mod.ts";
import { giveStdioSteps, hostIdOf, idMapText } from "./id_maps.ts";

const MAPPINGS = [
  { containerID: 0, hostID: 1000, size: 1 },
  { containerID: 1, hostID: 100_000, size: 65_535 },
];

test("idMapText() is a line per mapping", () => {
  assert.equal(idMapText(MAPPINGS), "0 1000 1\n1 100000 65535\n");
  assert.equal(idMapText([]), "");
});

test("hostIdOf() knows the ends of each mapping", () => {
  const ids = [0, 1, 65_535, 65_536].map((id) => hostIdOf(id, MAPPINGS));
  assert.deepEqual(ids, [1000, 100_000, 165_534, undefined]);
  assert.equal(hostIdOf(0, []), undefined);
});

test("giveStdioSteps() gives what is to be owned, to users who exist", async () => {
  const steps = async (user: number) => {
    const p = new ProgramBuilder("give");
    giveStdioSteps(p, { stdio: [7, 8, 9], own: [0, 2], user, uidMappings: MAPPINGS });
    return await explain(p);
  };
  const calls = (await steps(5)).match(/fchown\([^)]*\)/g);
  assert.deepEqual(calls, ["fchown(7, 100004, -1)", "fchown(9, 100004, -1)"]);
  assert.equal(await steps(70_000), "");
});
