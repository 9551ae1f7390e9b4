/**
 * Containers by other OCI runtimes than the built-in one, driven by their command line.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { control, type Engine, exec, logs, runDetached } from "../../src/task/mod.ts";
import { until } from "../fixtures/cli.ts";
import { Output, withEngine } from "../fixtures/engine.ts";
import { needs } from "../fixtures/needs.ts";
import { OTHER_RUNTIMES } from "../fixtures/other_runtimes.ts";
import {
  inspect,
  LOOP,
  NEEDS,
  nothingStays,
  run,
  sh,
  withRuntime,
} from "../fixtures/runtime_case.ts";

const RUNC = needs(...NEEDS, "cmd:runc");
/** runc by itself, and below containerd's shim. */
const RUNTIMES = OTHER_RUNTIMES.slice(0, 2);

async function execIn(engine: Engine, name: string, command: readonly string[], tty = false) {
  const output = new Output();
  const { execContainer } = await exec();
  const { exitCode } = await execContainer(engine, name, { command, tty, onOutput: output.on });
  return { exitCode, stdout: output.stdout, stderr: output.stderr };
}

async function logOf(engine: Engine, name: string): Promise<string> {
  let text = "";
  for await (const { log } of (await logs()).containerLogs(engine, name, {})) text += log;
  return text;
}

for (const other of OTHER_RUNTIMES) {
  test(
    `${other.name} runs containers to their end and leaves nothing`,
    needs(...NEEDS, ...other.needs),
    () =>
      withRuntime(other, (test) =>
        nothingStays(async () => {
          const { engine, runtime } = test;
          assert.deepEqual(
            await run(engine, { ...sh("echo out; echo err >&2; exit 7"), runtime }),
            {
              exitCode: 7,
              stdout: "out\n",
              stderr: "err\n",
            },
          );
          for (
            const [command, code] of [
              ["no-such-command", "not_found"],
              ["/no/such/command", "not_found"],
              ["/etc/passwd", "permission_denied"],
            ] as const
          ) {
            await assert.rejects(run(engine, { image: "host", command: [command], runtime }), {
              code,
              operation: "execute",
              subject: command,
            });
          }
          const tty = await run(engine, {
            ...sh("test -t 0 -a -t 2 && tty; stty size; exit 3"),
            tty: true,
            terminalSize: { width: 80, height: 24 },
            runtime,
          });
          assert.deepEqual([tty.exitCode, tty.stdout.split("\r\n")[0]], [3, "/dev/pts/0"]);
        }, test)),
  );

  test(
    `${other.name} adds processes to a container that runs, and stops it`,
    needs(...NEEDS, ...other.needs),
    () =>
      withRuntime(other, (test) =>
        nothingStays(async () => {
          const { engine, runtime } = test;
          const { removeContainer, stopContainer } = await control();
          await runDetached(engine, { ...sh(LOOP), name: "web", runtime });
          await until("its trap", async () => (await logOf(engine, "web")) === "up\n");
          assert.deepEqual(
            await execIn(engine, "web", ["sh", "-c", "echo in; echo e >&2; exit 5"]),
            {
              exitCode: 5,
              stdout: "in\n",
              stderr: "e\n",
            },
          );
          const tty = await execIn(engine, "web", ["sh", "-c", "tty; exit 4"], true);
          assert.deepEqual(tty, { exitCode: 4, stdout: "/dev/pts/0\r\n", stderr: "" });
          // What a runtime leaves behind when this fails must not keep the container from ending.
          for (const [command, code] of [["nope", "not_found"], ["/etc", "permission_denied"]]) {
            await assert.rejects(execIn(engine, "web", [command!]), { code, operation: "execute" });
          }
          await stopContainer(engine, "web");
          const { Status, ExitCode } = await inspect(engine, "web");
          assert.deepEqual([Status, ExitCode], ["exited", 9]);
          assert.equal(await logOf(engine, "web"), "up\nbye\n");
          await removeContainer(engine, "web");
        }, test)),
  );
}

for (const other of RUNTIMES) {
  test(
    `a container of ${other.name} is paused, killed, started again and removed`,
    needs(...NEEDS, ...other.needs),
    () =>
      withRuntime(other, (test) =>
        nothingStays(async () => {
          const { engine, runtime } = test;
          const { killContainer, pauseContainer, removeContainer, startContainer, waitContainer } =
            await control();
          await runDetached(engine, { ...sh(LOOP), name: "web", runtime });
          const { Pid } = await inspect(engine, "web");
          await pauseContainer(engine, "web", true);
          assert.equal((await inspect(engine, "web"))["Status"], "paused");
          const freezer = /freezer:(.*)/.exec(readFileSync(`/proc/${Pid}/cgroup`, "utf8"));
          const place = freezer === null ? "" : `/sys/fs/cgroup/freezer${freezer[1]}/freezer.state`;
          if (place !== "") assert.equal(readFileSync(place, "utf8"), "FROZEN\n");
          await pauseContainer(engine, "web", false);
          assert.equal((await inspect(engine, "web"))["Status"], "running");
          const waiting = waitContainer(engine, "web");
          await killContainer(engine, "web");
          assert.equal(await waiting, 137);
          await startContainer(engine, "web");
          const { Status, Runtime } = await inspect(engine, "web");
          assert.deepEqual([Status, Runtime], ["running", runtime]);
          await pauseContainer(engine, "web", true);
          await removeContainer(engine, "web", { force: true });
        }, test)),
  );

  test(
    `${other.name} gets the limits, and an end for want of memory is told`,
    needs(...NEEDS, ...other.needs),
    () =>
      withRuntime(other, (test) =>
        nothingStays(async () => {
          const { engine, runtime } = test;
          const { removeContainer } = await control();
          const limits = { memoryBytes: 32 << 20, pidsLimit: 50, nanoCpus: 5e8, runtime };
          const files = existsSync("/sys/fs/cgroup/cgroup.controllers")
            ? "memory.max pids.max"
            : "memory/memory.limit_in_bytes pids/pids.max";
          const { stdout } = await run(engine, {
            ...sh(`cd /sys/fs/cgroup; cat ${files}; ulimit -n`),
            ...limits,
            ulimits: [{ name: "nofile", soft: 100, hard: 200 }],
          });
          assert.equal(stdout, `${32 << 20}\n50\n100\n`);
          const command = ["tail", "/dev/zero"];
          const options = { image: "host", command, name: "oom", autoRemove: false, ...limits };
          assert.equal((await run(engine, options)).exitCode, 137);
          assert.equal((await inspect(engine, "oom"))["OOMKilled"], true);
          await removeContainer(engine, "oom");
        }, test)),
  );

  test(
    `input reaches the process of ${other.name} to its end`,
    needs(...NEEDS, ...other.needs),
    () =>
      withRuntime(other, async ({ engine, runtime }) => {
        const { exitCode, stdout } = await run(engine, {
          image: "host",
          command: ["cat"],
          openStdin: true,
          runtime,
          onStarted: (running) => {
            void running.writeStdin(new TextEncoder().encode("some words"));
            running.endStdin();
          },
        });
        assert.deepEqual([exitCode, stdout], [0, "some words"]);
      }),
  );
}

test(
  "one shim serves containers of several runtimes",
  RUNC,
  () =>
    withEngine("command-shared", "shared shim", async ({ engine, nothingLeft }) => {
      const codes = await Promise.all(
        [undefined, "runc", undefined, "runc"].map(async (runtime, code) => {
          const named = runtime === undefined ? {} : { runtime };
          return (await run(engine, { ...sh(`sleep 0.1; exit ${code}`), ...named })).exitCode;
        }),
      );
      assert.deepEqual(codes, [0, 1, 2, 3]);
      await nothingLeft();
    }),
);
