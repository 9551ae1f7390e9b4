/**
 * What is done to containers that exist, by the engine itself.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  control,
  createContainer,
  type Engine,
  exec,
  list,
  type LogOptions,
  logs,
  runContainer,
  runDetached,
} from "../../src/task/mod.ts";
import { until } from "../fixtures/cli.ts";
import { Output, SHIM_KINDS, withEngine } from "../fixtures/engine.ts";
import { needs } from "../fixtures/needs.ts";

const NEEDS = needs("root", "overlayfs", "cgroup");
const encode = (text: string) => new TextEncoder().encode(text);
const sh = (script: string) => ({ image: "host", command: ["sh", "-c", script] });
const FOREVER = { image: "host", command: ["sleep", "1000"] };

async function statusOf(engine: Engine, name: string): Promise<Record<string, unknown>> {
  return (await (await list()).inspectContainer(engine, name))["State"] as Record<string, unknown>;
}

async function collect(engine: Engine, name: string, options: LogOptions = {}): Promise<string> {
  let text = "";
  for await (const { log } of (await logs()).containerLogs(engine, name, options)) text += log;
  return text;
}

for (const kind of SHIM_KINDS) {
  test(
    `stop asks, waits, and kills (${kind})`,
    NEEDS,
    () =>
      withEngine("task-stop", kind, async ({ engine }) => {
        const { stopContainer } = await control();
        const loop = "echo up; while :; do sleep 0.02; done";
        for (const [script, code] of [["trap 'exit 9' TERM", 9], ["trap '' TERM", 137]] as const) {
          const { id } = await runDetached(engine, sh(`${script}; ${loop}`));
          await until("its trap", async () => (await collect(engine, id)) === "up\n");
          await Promise.all([
            stopContainer(engine, id, { timeoutSec: 1 }),
            stopContainer(engine, id, { timeoutSec: 1 }),
          ]);
          const { Status, ExitCode, Pid } = await statusOf(engine, id);
          assert.deepEqual([Status, ExitCode, Pid], ["exited", code, 0]);
          await stopContainer(engine, id); // again: nothing to do
        }
      }),
  );

  test(
    `starts and removals at the same time are one (${kind})`,
    NEEDS,
    () =>
      withEngine("task-race", kind, async ({ engine, leftovers }) => {
        const { startContainer, removeContainer } = await control();
        const { record } = await createContainer(engine, { ...FOREVER, name: "one" });
        await Promise.all(Array.from({ length: 5 }, () => startContainer(engine, "one")));
        assert.equal((await statusOf(engine, "one"))["Status"], "running");
        const results = await Promise.allSettled(
          Array.from({ length: 5 }, () => removeContainer(engine, record.id, { force: true })),
        );
        const failures = results.flatMap((result) =>
          result.status === "rejected" ? [result.reason] : []
        );
        assert.ok(failures.length < 5);
        for (const error of failures) assert.equal(error.code, "not_found");
        await engine.snapshotter.settled();
        assert.deepEqual(leftovers(), []);
      }),
  );

  test(
    `exec runs commands in a container (${kind})`,
    NEEDS,
    () =>
      withEngine("task-exec", kind, async ({ engine }) => {
        const { id } = await runDetached(engine, { ...FOREVER, env: ["A=1"], workingDir: "/tmp" });
        const { execContainer } = await exec();
        const run = async (
          options: Partial<Parameters<typeof execContainer>[2]>,
          stdin?: string,
        ) => {
          const output = new Output();
          const { exitCode } = await execContainer(engine, id, {
            command: ["true"],
            onOutput: output.on,
            onStarted: (running) => {
              if (stdin !== undefined) void running.writeStdin(encode(stdin));
              running.endStdin();
            },
            ...options,
          });
          return `${output.stdout}${output.stderr}${exitCode}`;
        };
        assert.equal(
          await run({ command: ["sh", "-c", "echo $A $B; pwd; exit 6"], env: ["B=2"] }),
          "1 2\n/tmp\n6",
        );
        assert.equal(await run({ command: ["cat"] }, "in"), "in0");
        assert.equal(await run({ command: ["id", "-u"], user: "12:34" }), "12\n0");
        assert.equal(await run({ command: ["pwd"], workingDir: "/etc" }), "/etc\n0");
        assert.equal(await run({ command: ["sh", "-c", "kill -9 $$"] }), "137");
        assert.match(await run({ command: ["tty"], tty: true }), /^\/dev\/pts\/\d+\r\n0$/);
        await assert.rejects(run({ command: ["nosuch"] }), {
          code: "not_found",
          operation: "execute",
        });
        await assert.rejects(run({ command: ["/etc"] }), { operation: "execute" });
        await assert.rejects(run({ command: ["true"], workingDir: "x" }), {
          code: "invalid_argument",
        });
        // A daemon that keeps the output open holds nobody back for long.
        const began = Date.now();
        assert.equal(await run({ command: ["sh", "-c", "sleep 30 & echo started"] }), "started\n0");
        assert.ok(Date.now() - began < 10_000);
        const detached = await execContainer(engine, id, {
          command: ["sh", "-c", "cat; touch /tmp/cat-has-ended; sleep 1000"],
          detach: true,
        });
        assert.equal(detached.detached, true);
        await until(
          "the end of its stdin",
          async () => await run({ command: ["test", "-e", "/tmp/cat-has-ended"] }) === "0",
        );
      }),
  );

  test(
    `exec ends with its container, and needs one that runs (${kind})`,
    NEEDS,
    () =>
      withEngine("task-exec-end", kind, async ({ engine }) => {
        const { id } = await runDetached(engine, FOREVER);
        const { execContainer } = await exec();
        const { killContainer } = await control();
        const output = new Output();
        const { exitCode } = await execContainer(engine, id, {
          command: ["sh", "-c", "echo up; sleep 1000"],
          onOutput: output.on,
          onStarted: () => void output.until(/up/).then(() => killContainer(engine, id)),
        });
        assert.equal(exitCode, 137);
        await until("its end", async () => (await statusOf(engine, id))["Status"] === "exited");
        await assert.rejects(execContainer(engine, id, { command: ["true"] }), {
          code: "failed_precondition",
        });
        await assert.rejects(killContainer(engine, id), { code: "failed_precondition" });
      }),
  );

  test(
    `a container that is started again keeps its files and its log (${kind})`,
    NEEDS,
    () =>
      withEngine("task-again", kind, async ({ engine }) => {
        const { startContainer, waitContainer } = await control();
        const { id } = await runContainer(engine, sh("echo x >>/tmp/f; wc -l </tmp/f; exit 5"));
        assert.equal(await collect(engine, id), "1\n");
        await startContainer(engine, id);
        assert.equal(await waitContainer(engine, id), 5);
        assert.equal(await collect(engine, id), "1\n2\n");
        assert.equal(await collect(engine, id, { tail: 1 }), "2\n");
      }),
  );

  test(
    `a detached container with autoRemove goes by itself (${kind})`,
    NEEDS,
    () =>
      withEngine("task-rm", kind, async ({ engine, leftovers }) => {
        const { waitContainer } = await control();
        const { id } = await runDetached(engine, { ...sh("sleep 0.3; exit 2"), autoRemove: true });
        assert.equal(await waitContainer(engine, id), 2);
        await until("its removal", () => engine.state.containers.get(id) === undefined);
        await until("its files", () => leftovers().length === 0);
      }),
  );

  test(
    `when its shim is killed, a container has ended with 137 and nothing of it runs (${kind})`,
    NEEDS,
    () =>
      withEngine("task-shim", kind, async ({ engine, root }) => {
        const { id } = await runDetached(engine, FOREVER);
        const path = join(root, "data/containers", id, "state.json");
        const { pid, shimPid } = JSON.parse(readFileSync(path, "utf8")) as Record<string, number>;
        process.kill(shimPid!, "SIGKILL");
        await until("the news", async () => (await statusOf(engine, id))["Status"] === "exited");
        const { ExitCode, Error } = await statusOf(engine, id);
        assert.deepEqual([ExitCode, Error], [137, "the shim ended unexpectedly"]);
        await until("its end", () => {
          const stat = existsSync(`/proc/${pid}/stat`)
            ? readFileSync(`/proc/${pid}/stat`, "utf8")
            : "";
          return stat === "" || stat.includes(") Z ");
        });
        const { exitCode } = await runContainer(engine, { ...sh("exit 3"), autoRemove: true });
        assert.equal(exitCode, 3, "the next one has another shim");
      }),
  );
}

test(
  "logs -f follows to the end, and stops when told to",
  NEEDS,
  () =>
    withEngine("task-follow", "own shim", async ({ engine }) => {
      const script = "for i in 1 2 3 4 5; do echo $i; sleep 0.1; done; printf end";
      const { id } = await runDetached(engine, sh(script));
      assert.equal(await collect(engine, id, { follow: true }), "1\n2\n3\n4\n5\nend");
      assert.equal(await collect(engine, id, { follow: true }), "1\n2\n3\n4\n5\nend");
      const times: number[] = [];
      for await (const { time } of (await logs()).containerLogs(engine, id)) {
        times.push(Date.parse(time));
      }
      assert.equal(await collect(engine, id, { sinceMs: times[3]! }), "4\n5\nend");
      assert.equal(await collect(engine, id, { untilMs: times[1]! }), "1\n2\n");
      const other = await runDetached(engine, sh("echo up; sleep 1000"));
      const stop = new AbortController();
      const { containerLogs } = await logs();
      for await (
        const _ of containerLogs(engine, other.id, { follow: true, signal: stop.signal })
      ) {
        stop.abort();
      }
    }),
);

test(
  "pause holds all processes and unpause lets them go on",
  NEEDS,
  () =>
    withEngine("task-pause", "own shim", async ({ engine }) => {
      const { pauseContainer, removeContainer } = await control();
      const { id } = await runDetached(engine, sh("while :; do echo x; sleep 0.02; done"));
      await pauseContainer(engine, id, true);
      assert.equal((await statusOf(engine, id))["Status"], "paused");
      await assert.rejects(pauseContainer(engine, id, true), { code: "failed_precondition" });
      await new Promise((resolve) => setTimeout(resolve, 100));
      const before = await collect(engine, id);
      await new Promise((resolve) => setTimeout(resolve, 200));
      assert.equal(await collect(engine, id), before);
      await pauseContainer(engine, id, false);
      await until("more", async () => (await collect(engine, id)).length > before.length);
      await pauseContainer(engine, id, true);
      await removeContainer(engine, id, { force: true });
    }),
);

test(
  "what a killed process left is swept, what somebody holds is not",
  NEEDS,
  () =>
    withEngine("task-sweep", "own shim", async ({ engine, root, leftovers }) => {
      const { tryLock } = await import("../../src/task/container_lock.ts");
      const { listContainers } = await list();
      await listContainers(engine);
      const [dead, busy] = ["a", "b"].map((digit) => digit.repeat(64)) as [string, string];
      for (const id of [dead, busy]) {
        mkdirSync(join(root, "data/containers", id, "rootfs"), { recursive: true });
        writeFileSync(join(root, "data/containers", id, "config.json"), "{}");
      }
      const { chainId } = await engine.images.ensure("host");
      await engine.snapshotter.prepare(dead, chainId);
      using lock = tryLock(join(root, "data/containers", busy));
      assert.ok(lock);
      await listContainers(engine);
      await engine.snapshotter.settled();
      assert.deepEqual(leftovers(), [busy]);
      lock.release();
      await listContainers(engine);
      assert.deepEqual(leftovers(), []);
    }),
);

test(
  "a container of run --rm that nobody started is swept, one of create --rm is not",
  NEEDS,
  () =>
    withEngine("task-unstarted", "own shim", async ({ engine, leftovers }) => {
      const { makeContainer } = await import("../../src/task/create.ts");
      const { listContainers } = await list();
      const options = { ...FOREVER, autoRemove: true };
      const { record: kept } = await createContainer(engine, options);
      const made = await makeContainer(engine, options);
      const old = (id: string) => engine.state.containers.update(id, { createdAt: 1 });
      const ids = async () => (await listContainers(engine)).map(({ record }) => record.id);
      old(kept.id);
      old(made.record.id);
      assert.deepEqual((await ids()).sort(), [kept.id, made.record.id].sort(), "it is held");
      made.lock.release(); // what the kernel does for a process that is killed
      assert.deepEqual(await ids(), [kept.id]);
      await engine.snapshotter.settled();
      assert.deepEqual(leftovers(), [kept.id]);
    }),
);

test(
  "a name is taken until its container is removed",
  NEEDS,
  () =>
    withEngine("task-name", "own shim", async ({ engine, leftovers }) => {
      await createContainer(engine, { ...FOREVER, name: "twice" });
      const before = leftovers().length;
      await assert.rejects(createContainer(engine, { ...FOREVER, name: "twice" }), {
        code: "conflict",
      });
      await engine.snapshotter.settled();
      assert.equal(leftovers().length, before);
      await assert.rejects(createContainer(engine, { ...FOREVER, name: "-" }), {
        code: "invalid_argument",
      });
      await (await control()).removeContainer(engine, "twice");
      await createContainer(engine, { ...FOREVER, name: "twice" });
    }),
);
