import assert from "node:assert/strict";
import { test } from "node:test";
import { CtrError, SyscallError } from "../src/errors.ts";
import { failure, lineOf, printable } from "./failure.ts";
import { UsageError } from "./flags.ts";

const quiet = (command: string) => ({ command, debug: false });

test("failure() tells in one line what failed", () => {
  const error = new CtrError({
    code: "not_found",
    operation: "pull",
    subject: "alpien",
    reason: "no such repository",
    hint: 'run "ctr login" if it is yours',
  });
  assert.deepEqual(failure(error, quiet("pull")), {
    text: 'ctr: cannot pull "alpien": no such repository; run "ctr login" if it is yours\n',
    exitCode: 1,
  });
});

test("failure() has Docker's exit codes", () => {
  const execute = (code: "not_found" | "permission_denied" | "internal") =>
    new CtrError({ code, operation: "execute", subject: "x", reason: "r" });
  const other = new CtrError({ code: "internal", operation: "mount", reason: "r" });
  const code = (error: unknown, command: string) => failure(error, quiet(command)).exitCode;
  assert.equal(code(execute("not_found"), "run"), 127);
  assert.equal(code(execute("permission_denied"), "run"), 126);
  assert.equal(code(execute("internal"), "run"), 126);
  assert.equal(code(execute("not_found"), "exec"), 127);
  assert.equal(code(execute("not_found"), "start"), 1);
  assert.equal(code(other, "run"), 125);
  assert.equal(code(other, ""), 125);
  assert.equal(code(other, "create"), 1);
  assert.equal(code("not even an error", "ps"), 1);
});

test("failure() of usage shows what was probably meant and where to look", () => {
  const error = new UsageError({
    command: "run",
    reason: "unknown flag: --nmae",
    unknown: { word: "--nmae", known: ["--name", "--net"] },
  });
  assert.deepEqual(failure(error, quiet("run")), {
    text: 'ctr: cannot run "ctr run": unknown flag: --nmae (did you mean --name?); ' +
      "see 'ctr run --help'\n",
    exitCode: 125,
  });
  const missing = new UsageError({
    command: "run",
    code: "not_implemented",
    reason: "--publish is not supported yet",
  });
  assert.equal(
    failure(missing, quiet("run")).text,
    'ctr: cannot run "ctr run": --publish is not supported yet\n',
  );
});

test("failure() with --debug shows the causes and the system call", () => {
  const cause = new SyscallError({
    operation: "mount",
    syscall: "mount",
    args: ['"a"', '"b"', "NULL", "MS_BIND"],
    errno: 2,
    errnoName: "ENOENT",
  });
  const error = new CtrError({ code: "internal", operation: "start", reason: "r", cause });
  const { text } = failure(error, { command: "run", debug: true });
  assert.match(text, /^ctr: cannot start: r\n/);
  assert.match(text, /mount\("a", "b", NULL, MS_BIND\) = -1 ENOENT/);
  assert.match(text, /failure_test/); // a stack
});

test("lineOf() keeps to one line that cannot steer a terminal", () => {
  assert.equal(lineOf(new Error("a\x1b[2Jb\tc")), "a\\x1b[2Jb\tc");
  assert.match(lineOf(new Error("first\nsecond")), /^first \(.*--debug.*\)$/);
  assert.equal(printable("\u009b31m"), "\\x9b31m");
});
