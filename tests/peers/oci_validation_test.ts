import assert from "node:assert/strict";
import { test } from "node:test";
import { needs } from "../fixtures/needs.ts";
import { OCI_RUNTIME } from "../fixtures/oci_command.ts";
import { buildSuite, runPrograms } from "../fixtures/oci_validation.ts";
import { KNOWN } from "../fixtures/oci_validation_known.ts";
import { failuresIn } from "../fixtures/oci_validation_tap.ts";

const here = needs("root", "x86_64", "cgroup1", "cmd:go", "cmd:tar", "cmd:unshare", "cmd:runc");

const known: Readonly<Record<string, readonly RegExp[]>> = Object.fromEntries(
  KNOWN.flatMap(({ programs }) => Object.entries(programs)),
);

test("the OCI's validation suite passes, but for what fails with runc too", here, async () => {
  const suite = await buildSuite();
  assert.equal(suite.programs.length, 58);
  const failures = await runPrograms(suite, OCI_RUNTIME);
  const unknown = Object.entries(failures).flatMap(([program, lines]) =>
    lines.filter((line) => !known[program]?.some((pattern) => pattern.test(line)))
      .map((line) => `${program}: ${line}`)
  );
  assert.deepEqual(unknown, []);
  const sure = KNOWN.filter(({ sometimes }) => sometimes !== true)
    .flatMap(({ programs }) => Object.keys(programs));
  assert.deepEqual(sure.filter((program) => !(program in failures)), [], "all known ones fail");
});

test("what is known to fail does with runc", here, async () => {
  const { directory } = await buildSuite();
  const failures = await runPrograms({ directory, programs: Object.keys(known) }, "/usr/sbin/runc");
  const shared = Object.entries(known).map(([program, patterns]) => [
    program,
    patterns.map((pattern) => failures[program]?.some((line) => pattern.test(line)) ?? false),
  ]);
  assert.deepEqual(
    shared,
    Object.entries(known).map(([name, patterns]) => [name, patterns.map(() => true)]),
  );
});

test("a program of the validation suite fails in one of three ways", () => {
  const ended = { code: 0, signal: null, stderr: "" };
  const block = (content: object) => `  ---\n  ${JSON.stringify(content)}\n  ...\n`;
  const tap = "TAP version 13\nok 1 - an error is expected\n" + block({ error: "exit status 1" });
  assert.deepEqual(failuresIn({ ...ended, stdout: `${tap}1..1\n` }), []);
  assert.deepEqual(failuresIn({ ...ended, stdout: `${tap}not ok 2 - limit\n1..2\n` }), ["limit"]);
  const inside = block({ stdout: "TAP version 13\nok 1 - hostname\nnot ok 2 - domain\n1..2\n" });
  assert.deepEqual(failuresIn({ ...ended, stdout: `${tap}${inside}1..1\n` }), ["domain"]);
  const alone = `TAP version 13\n${block({ error: "hooks MUST be called\nRefer to" })}1..0\n`;
  assert.deepEqual(failuresIn({ ...ended, stdout: alone }), ["hooks MUST be called"]);
  const stderr = "failed to create\nlevel=error msg=why\nexit status 1\n";
  const exits = failuresIn({ ...ended, code: 1, stdout: "", stderr });
  assert.deepEqual(exits, ["exits with 1: level=error msg=why"]);
});
