import assert from "node:assert/strict";
import { test } from "node:test";
import { commandError } from "./failure.ts";

const line = (level: string, msg: string) => JSON.stringify({ level, msg, time: "now" });

function errorOf(log: string, executable?: string, output = "") {
  return commandError({ runtime: "runc", command: "create", exitCode: 1, log, output }, executable);
}

test("commandError() tells a command that cannot be executed, in each runtime's words", () => {
  for (
    const [message, command, code, reason] of [
      [
        'runc create failed: unable to start container process: exec: "nope": executable file not ' +
        "found in $PATH",
        "nope",
        "not_found",
        "executable file not found in $PATH",
      ],
      [
        'exec failed: unable to start container process: exec: "/no/such": stat /no/such: no such ' +
        "file or directory",
        "/no/such",
        "not_found",
        "no such file or directory",
      ],
      [
        'runc create failed: unable to start container process: exec: "/etc/passwd": permission ' +
        "denied",
        "/etc/passwd",
        "permission_denied",
        "permission denied",
      ],
      [
        "executable file `nope` not found in $PATH: No such file or directory",
        "nope",
        "not_found",
        "executable file not found in $PATH",
      ],
      ["open executable: Permission denied", "/x", "permission_denied", "permission denied"],
      [
        'starting container: error finding executable "nope" in PATH [/bin]: no such file or ' +
        "directory",
        "nope",
        "not_found",
        "no such file or directory",
      ],
    ] as const
  ) {
    const error = errorOf(line("error", message), command);
    assert.deepEqual([error.operation, error.subject, error.code, error.reason], [
      "execute",
      command,
      code,
      reason,
    ]);
    assert.match(String(error.cause), new RegExp(message.slice(0, 8)));
  }
});

test("commandError() does not take a missing mount for a missing command", () => {
  const message = 'runc create failed: error mounting "/x" to rootfs at "/sh": mount /x:/sh: ' +
    "no such file or directory";
  const error = errorOf(line("error", message), "sh");
  assert.deepEqual([error.operation, error.code], ["create container with", "internal"]);
  assert.equal(error.message, `cannot create container with "runc": ${message}`);
});

test("commandError() takes the last error of the log, else what was printed, else the exit code", () => {
  const log = [
    line("warning", "first"),
    line("error", "second\n"),
    "panic: no JSON",
    line("info", "x"),
  ];
  assert.equal(errorOf(log.join("\n")).reason, "second");
  assert.equal(errorOf("", undefined, "usage: …\nunknown flag\n").reason, "unknown flag");
  assert.equal(errorOf("").reason, "it ended with exit code 1");
});

test("commandError() tells what is gone", () => {
  for (
    const text of ["container does not exist", "process already finished", "No such process"]
  ) {
    assert.equal(errorOf(line("error", text)).code, "not_found");
  }
});
