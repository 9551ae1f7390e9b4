/**
 * What the callers of an OCI runtime rely on: exit codes, and error messages that they take apart.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { OciMount } from "../../src/oci/mod.ts";
import { needs } from "../fixtures/needs.ts";
import { exitOf, OciRuntime } from "../fixtures/oci_command.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");

/** Call it with a log and check that both say the same. @returns exit code and message */
async function failure(
  oci: OciRuntime,
  ...args: readonly string[]
): Promise<readonly [code: number, message: string]> {
  const log = join(oci.dir, "log.json");
  writeFileSync(log, "");
  const flags = ["--log", log, "--log-format", "json"];
  const { code, stderr } = await oci.call([...flags, ...args]);
  const { level, msg, time } = JSON.parse(readFileSync(log, "utf8")) as Record<string, string>;
  assert.equal(level, "error");
  assert.match(time!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
  assert.ok(stderr.includes(msg!) || stderr.includes(JSON.stringify(msg).slice(1, -1)), stderr);
  return [code, msg!];
}

test("contract 5: an error is on stderr and one line of JSON in the log", here, async () => {
  await using oci = new OciRuntime();
  const [code, message] = await failure(oci, "state", "nobody");
  assert.equal(code, 1);
  assert.match(message, /does not exist/);
  const log = join(oci.dir, "log.json");
  assert.match(readFileSync(log, "utf8"), /^[^\n]+\n$/);
  await oci.call([`--log=${log}`, "--log-format=json", "state", "nobody"]);
  assert.equal(readFileSync(log, "utf8").trim().split("\n").length, 2, "the log is appended to");
  const text = join(oci.dir, "log.txt");
  await oci.call(["--log", text, "state", "nobody"]);
  assert.match(readFileSync(text, "utf8"), /level=error msg=".*does not exist/);
});

test("contract 5: nothing is logged when nothing fails", here, async () => {
  await using oci = new OciRuntime();
  const log = join(oci.dir, "log.json");
  oci.configure(["true"]);
  const flags = ["--log", log, "--log-format", "json"];
  await oci.ok([...flags, "run", "--bundle", oci.dir, oci.id]);
  await oci.ok([...flags, "list"]);
  assert.equal(existsSync(log) ? readFileSync(log, "utf8") : "", "");
});

test(
  "contract 5: run and exec end as their process, 128 and the signal's number included",
  here,
  async () => {
    await using oci = new OciRuntime();
    const bundle = ["--bundle", oci.dir];
    oci.configure(["sh", "-c", "exit 7"]);
    assert.equal((await oci.call(["run", ...bundle, oci.id])).code, 7);
    oci.configure(["sleep", "100"]);
    await oci.create();
    await oci.start();
    const exec = async (script: string) =>
      (await oci.call(["exec", oci.id, "sh", "-c", script])).code;
    assert.equal(await exec("exit 9"), 9);
    assert.equal(await exec("kill -9 $$"), 137);
    assert.equal((await oci.call(["exec", oci.id, "/no/such"])).code, 255);
  },
);

test("contract 6: messages say why there is no container to act upon", here, async () => {
  await using oci = new OciRuntime();
  for (
    const command of [
      "state",
      "start",
      "kill",
      "delete",
      "pause",
      "resume",
      "ps",
      "events",
      "update",
    ]
  ) {
    const [code, message] = await failure(oci, command, "nobody");
    assert.match(message, /does not exist/, command);
    assert.equal(code, 1, command);
  }
  const [code, message] = await failure(oci, "exec", "nobody", "true");
  assert.match(message, /does not exist/);
  assert.notEqual(code, 0);
  oci.configure(["true"]);
  const pid = await oci.create();
  await oci.start();
  await exitOf(pid);
  const gone = /container not running|no such process|os: process already finished/;
  assert.match((await failure(oci, "kill", oci.id, "KILL"))[1], gone);
  assert.match((await failure(oci, "start", oci.id))[1], /stopped/);
  assert.match((await failure(oci, "exec", oci.id, "true"))[1], /stopped|not running/);
});

test("contract 6: messages say why a program cannot be executed", here, async () => {
  await using oci = new OciRuntime();
  const inside = (name: string) => join(oci.bundle.rootfs, name);
  writeFileSync(inside("text"), "no program");
  mkdirSync(inside("directory"));
  const cases: readonly (readonly [args: string[], message: RegExp])[] = [
    [["nosuch"], /executable file not found/],
    [["/no/such"], /no such file or directory/],
    [["/text"], /permission denied/],
    [["/directory"], /is a directory|permission denied/],
  ];
  for (const [args, expected] of cases) {
    oci.configure(args);
    const [code, message] = await failure(oci, "create", "--bundle", oci.dir, oci.id);
    assert.match(message, expected);
    assert.equal(code, 1, message);
    assert.deepEqual(
      JSON.parse(await oci.ok(["list", "--format=json"])) ?? [],
      [],
      "nothing is left",
    );
  }
  oci.configure(["sleep", "100"]);
  await oci.create();
  await oci.start();
  for (const [args, expected] of cases) {
    const [code, message] = await failure(oci, "exec", oci.id, ...args);
    assert.match(message, expected);
    assert.equal(code, 255, message);
  }
});

test("contract 6: messages say why a mount fails", here, async () => {
  await using oci = new OciRuntime();
  writeFileSync(join(oci.dir, "file"), "");
  mkdirSync(join(oci.bundle.rootfs, "directory"));
  const create = async (mount: OciMount) => {
    oci.configure(["true"], { change: (spec) => ({ ...spec, mounts: [...spec.mounts!, mount] }) });
    return (await failure(oci, "create", "--bundle", oci.dir, oci.id))[1];
  };
  const bind = { type: "bind", options: ["bind"] };
  const source = join(oci.dir, "file");
  assert.match(await create({ ...bind, source, destination: "/directory" }), /not a directory/);
  assert.match(
    await create({ ...bind, source: join(oci.dir, "no"), destination: "/x" }),
    /no such file or directory/,
  );
});
