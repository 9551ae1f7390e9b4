import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { COMMANDS, find, GROUPS, resolve } from "./commands.ts";
import { helpText, overview, unknownCommand } from "./help.ts";
import { VERSION } from "./version.ts";

const named = (...words: string[]) => {
  const found = find(words);
  return "load" in found ? [found.name, ...found.args].join(" ") : JSON.stringify(found);
};

test("find() knows commands by each of their names", () => {
  assert.equal(named("ps", "-a"), "ps -a");
  assert.equal(named("container", "ls", "-a"), "ps -a");
  assert.equal(named("image", "rm", "x"), "rmi x");
  assert.equal(named("image", "inspect", "x"), "inspect --type=image x");
  assert.equal(named("image", "verify", "x"), "image verify x");
  assert.equal(named("system", "df", "-v"), "system df -v");
  assert.equal(named("help", "image", "prune"), "image prune --help");
  assert.equal(named("help", "run"), "run --help");
  assert.equal(named("help", "container", "ls"), "ps --help");
});

test("find() gives overviews and says what it does not know", () => {
  assert.deepEqual(find([]), { overview: undefined });
  assert.deepEqual(find(["help"]), { overview: undefined });
  assert.deepEqual(find(["container"]), { overview: "container" });
  assert.deepEqual(find(["container", "--help"]), { overview: "container" });
  assert.deepEqual(find(["bogus"]), { unknown: "bogus" });
  assert.deepEqual(find(["container", "bogus"]), { unknown: "container bogus" });
  assert.deepEqual(find(["constructor"]), { unknown: "constructor" });
});

test("groups name commands that there are", () => {
  for (const names of Object.values(GROUPS)) {
    for (const target of Object.values(names)) assert.ok(resolve(target).name in COMMANDS, target);
  }
});

test("each command is called as it is filed, and has no letter twice", async () => {
  for (const [name, load] of Object.entries(COMMANDS)) {
    const { spec } = (await load()).command;
    assert.equal(spec.name, name);
    const flags = Object.values(spec.flags);
    const letters = flags.flatMap(({ short }) => short ?? []);
    const missing = (spec.missing ?? []).map((entry) => entry.split(","));
    const all = [...letters, ...missing.flatMap(([, short]) => short ?? [])];
    assert.equal(new Set(all).size, all.length, `${name}: ${all.join("")}`);
    for (const [long] of missing) assert.ok(!(long! in spec.flags), `${name} --${long}`);
    assert.match(helpText(spec), new RegExp(`^Usage:  ctr ${name} `));
    for (const line of helpText(spec).split("\n").filter((line) => !line.includes("ctr "))) {
      assert.ok(line.length <= 80 || !line.startsWith("  "), line);
    }
  }
});

test("overview() lists all commands, or a group's", async () => {
  const all = await overview(undefined);
  const top = Object.keys(COMMANDS).filter((name) => !name.includes(" "));
  for (const name of top) assert.match(all, new RegExp(`^  ${name} +\\S`, "m"));
  assert.match(all, /--data-root string/);
  assert.match(await overview("image"), /Usage: {2}ctr image COMMAND[^]*^ {2}ls +List images$/m);
});

test("unknownCommand() tells missing from misspelt", () => {
  assert.equal(unknownCommand("build").code, "not_implemented");
  assert.equal(unknownCommand("container cp").code, "not_implemented");
  assert.ok(unknownCommand("system prun").unknown?.known.includes("prune"));
  assert.equal(unknownCommand("bogus").code, "invalid_argument");
  assert.ok(unknownCommand("container rn").unknown?.known.includes("rm"));
});

test("the version is the package's", () => {
  for (const file of ["package.json", "deno.json"]) {
    const text = readFileSync(new URL(`../${file}`, import.meta.url), "utf8");
    assert.equal((JSON.parse(text) as { version: string }).version, VERSION);
  }
});

test("every flag of run and create says what it does", async () => {
  const { helpOf } = await import("./help.ts");
  for (const name of ["run", "create"]) {
    const { flags } = (await COMMANDS[name]!()).command.spec;
    const silent = Object.entries(flags).filter(([flag, what]) =>
      !what.hidden && helpOf(flag, what) === ""
    );
    assert.deepEqual(silent, []);
  }
});
