/**
 * Containers in the foreground, by the engine itself.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { attach, control, list, runContainer, type RunningContainer } from "../../src/task/mod.ts";
import { Output, SHIM_KINDS, withEngine } from "../fixtures/engine.ts";
import { needs } from "../fixtures/needs.ts";

const NEEDS = needs("root", "overlayfs", "cgroup");
const encode = (text: string) => new TextEncoder().encode(text);
const FOREVER = { image: "host", command: ["sleep", "1000"] };
const sh = (script: string) => ({ image: "host", command: ["sh", "-c", script] });

for (const kind of SHIM_KINDS) {
  test(
    `runContainer() gives output and exit code and leaves nothing (${kind})`,
    NEEDS,
    () =>
      withEngine("task-run", kind, async ({ engine, nothingLeft }) => {
        for (
          const [script, code] of [
            ["exit 7", 7],
            ["exec 2>&-; sh -c 'kill -TERM $$'; exit $?", 143], // the outer shell would tell
            ["true", 0],
          ] as const
        ) {
          const output = new Output();
          const result = await runContainer(engine, {
            ...sh(`echo out; echo err >&2; ${script}`),
            autoRemove: true,
            onOutput: output.on,
          });
          assert.deepEqual([result.exitCode, result.detached], [code, false]);
          assert.deepEqual([output.stdout, output.stderr], ["out\n", "err\n"]);
        }
        await nothingLeft();
      }),
  );

  test(
    `runContainer() runs many at once (${kind})`,
    NEEDS,
    () =>
      withEngine("task-many", kind, async ({ engine }) => {
        const codes = await Promise.all(Array.from({ length: 6 }, async (_, i) => {
          const output = new Output();
          const { exitCode } = await runContainer(engine, {
            ...sh(`echo ${i}; exit ${i}`),
            autoRemove: true,
            onOutput: output.on,
          });
          return `${output.stdout.trim()} ${exitCode}`;
        }));
        assert.deepEqual(codes, ["0 0", "1 1", "2 2", "3 3", "4 4", "5 5"]);
      }),
  );

  test(
    `runContainer() passes stdin on to its end, and loses no output (${kind})`,
    NEEDS,
    () =>
      withEngine("task-stdin", kind, async ({ engine }) => {
        const output = new Output();
        const text = Array.from({ length: 200_000 }, (_, i) => `line ${i}\n`).join("");
        const { exitCode } = await runContainer(engine, {
          image: "host",
          command: ["cat"],
          openStdin: true,
          autoRemove: true,
          onOutput: output.on,
          onStarted: (running) => {
            void (async () => {
              const bytes = encode(text);
              for (let at = 0; at < bytes.length; at += 100_000) {
                await running.writeStdin(bytes.subarray(at, at + 100_000));
              }
              running.endStdin();
            })();
          },
        });
        assert.equal(exitCode, 0);
        assert.equal(output.stdout.length, text.length);
        assert.ok(output.stdout === text);
      }),
  );

  test(
    `runContainer() that cannot start stays as created, or leaves nothing (${kind})`,
    NEEDS,
    () =>
      withEngine("task-fail", kind, async ({ engine, nothingLeft }) => {
        const bad = { image: "host", command: ["/no/such"] };
        await assert.rejects(runContainer(engine, { ...bad, autoRemove: true }), {
          code: "not_found",
          operation: "execute",
        });
        await nothingLeft();
        await assert.rejects(runContainer(engine, { ...bad, name: "stays" }), {
          code: "not_found",
        });
        const { inspectContainer } = await list();
        const { Status, ExitCode, Error } =
          (await inspectContainer(engine, "stays"))["State"] as Record<
            string,
            unknown
          >;
        assert.deepEqual([Status, ExitCode], ["created", 127]);
        assert.match(String(Error), /no such file or directory/);
        await assert.rejects(
          runContainer(engine, { image: "host", command: ["x"], user: "nobody-here" }),
          {
            code: "not_found",
          },
        );
        assert.equal((await (await list()).listContainers(engine)).length, 1);
      }),
  );

  test(
    `runContainer() that is detached goes on, and can be attached to (${kind})`,
    NEEDS,
    () =>
      withEngine("task-detach", kind, async ({ engine }) => {
        const first = new Output();
        const script = 'while read line; do echo "got $line"; done; echo end; exit 4';
        const { detached } = await runContainer(engine, {
          image: "host",
          command: ["sh", "-c", `stty -echo; echo ready; ${script}`],
          tty: true,
          openStdin: true,
          name: "shell",
          onOutput: first.on,
          onStarted: (running) => void first.until(/ready/).then(() => running.detach()),
        });
        assert.equal(detached, true);
        const again = new Output();
        const { attachContainer } = await attach();
        const result = await attachContainer(engine, "shell", {
          onOutput: again.on,
          onStarted: (running: RunningContainer) => {
            void (async () => {
              await running.writeStdin(encode("hello\n"));
              await again.until(/got hello/);
              await running.writeStdin(encode("\x04"));
            })();
          },
        });
        assert.deepEqual([result.exitCode, result.detached], [4, false]);
        assert.match(again.stdout, /^got hello\r\nend\r\n$/);
        assert.doesNotMatch(first.stdout, /got/);
      }),
  );

  test(
    `runContainer() ends with its signal (${kind})`,
    NEEDS,
    () =>
      withEngine("task-abort", kind, async ({ engine, nothingLeft }) => {
        const abort = new AbortController();
        await assert.rejects(
          runContainer(engine, {
            ...sh("sleep 100"),
            autoRemove: true,
            signal: abort.signal,
            onStarted: () => abort.abort(),
          }),
          { code: "canceled" },
        );
        await nothingLeft();
      }),
  );
}

test(
  "a terminal has its size before the program starts, and can be resized",
  NEEDS,
  () =>
    withEngine("task-tty", "own shim", async ({ engine }) => {
      const output = new Output();
      const { exitCode } = await runContainer(engine, {
        image: "host",
        command: [
          "sh",
          "-c",
          "trap 'stty size; exit 3' WINCH; stty size; while :; do sleep 0.05; done",
        ],
        tty: true,
        terminalSize: { width: 91, height: 17 },
        autoRemove: true,
        onOutput: output.on,
        onStarted: (running) => {
          void output.until(/17 91/).then(() => running.resize(100, 30));
        },
      });
      assert.equal(exitCode, 3);
      assert.equal(output.stdout, "17 91\r\n30 100\r\n");
    }),
);

test(
  "the log has everything, in Docker's format",
  NEEDS,
  () =>
    withEngine("task-log", "own shim", async ({ engine, root }) => {
      const { id } = await runContainer(engine, sh("echo one; echo two >&2; printf three"));
      const path = join(root, "data/containers", id, `${id}-json.log`);
      const entries = readFileSync(path, "utf8").trim().split("\n").map((line) => JSON.parse(line));
      assert.deepEqual(
        entries.map(({ log, stream }) => [stream, log]).sort(),
        [["stderr", "two\n"], ["stdout", "one\n"], ["stdout", "three"]],
      );
    }),
);

test(
  "a container that runs out of memory says so",
  NEEDS,
  () =>
    withEngine("task-oom", "own shim", async ({ engine }) => {
      const { id, exitCode } = await runContainer(engine, {
        image: "host",
        command: ["tail", "/dev/zero"],
        memoryBytes: 16 << 20,
      });
      assert.equal(exitCode, 137);
      const { State } = await (await list()).inspectContainer(engine, id);
      assert.equal((State as { OOMKilled: boolean }).OOMKilled, true);
      const quiet = await runContainer(engine, {
        ...FOREVER,
        name: "quiet",
        onStarted: (running) => void running.kill(9),
      });
      assert.equal(quiet.exitCode, 137);
      const other = (await (await list()).inspectContainer(engine, "quiet"))["State"];
      assert.equal((other as { OOMKilled: boolean }).OOMKilled, false);
    }),
);

test(
  "a container outlives the engine that started it, and another engine controls it",
  NEEDS,
  () =>
    withEngine("task-two", "shared shim", async ({ engine }) => {
      const { openEngine } = await import("../../src/task/mod.ts");
      const first = openEngine({
        directories: engine.directories,
        cleanupArgv: ["/bin/false"],
        sharedShim: true,
        env: process.env,
      });
      const output = new Output();
      const { detached } = await runContainer(first, {
        ...sh("trap 'exit 8' TERM; echo up; while :; do sleep 0.05; done"),
        name: "long",
        onOutput: output.on,
        onStarted: (running) => void output.until(/up/).then(() => running.detach()),
      });
      assert.equal(detached, true);
      first.close();
      const { stopContainer, waitContainer } = await control();
      const code = waitContainer(engine, "long");
      await stopContainer(engine, "long", { timeoutSec: 20 });
      assert.equal(await code, 8);
    }),
);
