import assert from "node:assert/strict";
import { test } from "node:test";
import { closest } from "./suggest.ts";

const COMMANDS = ["attach", "exec", "images", "inspect", "logs", "ps", "pull", "rm", "rmi", "run"];

test("closest() finds what a slip of the finger made", () => {
  const cases: [string, string | undefined][] = [
    ["exce", "exec"],
    ["imags", "images"],
    ["inpsect", "inspect"],
    ["lgos", "logs"],
    ["rnu", "run"],
    ["bogus", undefined],
    ["xyz", undefined],
    ["", undefined],
  ];
  for (const [word, meant] of cases) assert.equal(closest(word, COMMANDS), meant, word);
});

test("closest() looks at the letters of a flag only", () => {
  assert.equal(closest("--interacitve", ["--init", "--interactive"]), "--interactive");
  assert.equal(closest("--x", ["--init", "--tty"]), undefined);
});
