/**
 * What a crash of the command line must not touch.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Cli, RUNTIME, start, until, withCli } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";
import { leftovers, systemState } from "../fixtures/system_state.ts";

const NEEDS = needs("root", "overlayfs");

/** Writes a number every 50 ms; ends with code 9 on SIGTERM. */
const COUNT =
  "trap 'echo bye; exit 9' TERM; i=0; while :; do i=$((i+1)); echo n$i; sleep 0.05; done";

/** Start a counting container in the foreground and kill the command line that started it. */
async function orphan(cli: Cli, name: string, ...flags: string[]): Promise<void> {
  const running = cli.start(["run", "--name", name, ...flags, "host", "sh", "-c", COUNT]);
  await until("first output", () => running.stdout().includes("n2"));
  running.kill("SIGKILL");
  assert.equal((await running.ended).signal, "SIGKILL");
}

async function state(cli: Cli, name: string): Promise<Record<string, unknown>> {
  const [container] = JSON.parse(await cli.ok(["inspect", name]));
  return container.State;
}

function last(log: string): number {
  return Number(log.match(/n(\d+)/g)?.at(-1)?.slice(1) ?? 0);
}

test(
  "kill -9 of the command line leaves the container running and its log growing",
  NEEDS,
  () =>
    withCli("survive", async (cli) => {
      await orphan(cli, "web");
      assert.equal((await state(cli, "web"))["Running"], true);
      const before = last(await cli.ok(["logs", "web"]));
      assert.ok(before >= 2);
      await until("more log", async () => last(await cli.ok(["logs", "web"])) > before + 3);
      assert.match(await cli.ok(["ps"]), /\bweb\b/);
    }),
);

test(
  "after kill -9 of the command line, logs -f follows to the end",
  NEEDS,
  () =>
    withCli("survive", async (cli) => {
      await orphan(cli, "web");
      const follow = cli.start(["logs", "-f", "web"]);
      await until("followed output", () => last(follow.stdout()) > 8);
      await cli.ok(["stop", "web"]);
      const { code, stdout } = await follow.ended;
      assert.equal(code, 0);
      assert.match(stdout, /^n1\nn2\n/, "from the beginning");
      assert.match(stdout, /\nbye\n$/, "to the end");
    }),
);

test(
  "after kill -9 of the command line, exec works, with input, output and exit code",
  NEEDS,
  () =>
    withCli("survive", async (cli) => {
      await orphan(cli, "web", "-e", "WORD=hello");
      const command = ["sh", "-c", 'read x; echo "$WORD $x"; echo err >&2; exit 7'];
      const { code, stdout, stderr } = await cli.run(["exec", "-i", "web", ...command], {
        input: "there\n",
      });
      assert.deepEqual({ code, stdout, stderr }, {
        code: 7,
        stdout: "hello there\n",
        stderr: "err\n",
      });
    }),
);

test(
  "after kill -9 of the command line, stop lets the container end by itself",
  NEEDS,
  () =>
    withCli("survive", async (cli) => {
      await orphan(cli, "web");
      await cli.ok(["stop", "web"]);
      const { Running, ExitCode } = await state(cli, "web");
      assert.deepEqual({ Running, ExitCode }, { Running: false, ExitCode: 9 });
      assert.match(await cli.ok(["logs", "--tail", "1", "web"]), /^bye\n$/);
    }),
);

test(
  "after kill -9 of the command line, wait, kill and rm -f work",
  NEEDS,
  () =>
    withCli("survive", async (cli) => {
      await orphan(cli, "one");
      const waiting = cli.start(["wait", "one"]);
      await new Promise((resolve) => setTimeout(resolve, 300));
      await cli.ok(["kill", "one"]);
      assert.equal((await waiting.ended).stdout, "137\n");
      await orphan(cli, "two");
      await cli.ok(["rm", "-f", "two"]);
      assert.equal(await cli.ok(["ps", "-aq", "--filter", "name=two"]).catch(() => ""), "");
    }),
);

test(
  "with --rm the container is removed when it ends, though the command line is dead",
  NEEDS,
  () =>
    withCli("survive", async (cli) => {
      await orphan(cli, "gone", "--rm");
      await cli.ok(["stop", "gone"]);
      await until("removal", async () => (await cli.ok(["ps", "-aq"])) === "");
      await until("its directory to go", () => cli.containerDirectories().length === 0);
    }),
);

test(
  "kill -9 of the command line at any moment leaves a container with a shim, or nothing that runs",
  NEEDS,
  () =>
    withCli("survive", async (cli) => {
      await cli.ok(["run", "--rm", "host", "true"]);
      const before = systemState();
      const step = RUNTIME === "bun" ? 4 : 12;
      for (let round = 0; round < 24; round++) {
        const name = `early${round}`;
        const running = cli.start(["run", "--name", name, "host", "sh", "-c", COUNT]);
        await new Promise((resolve) => setTimeout(resolve, round * step));
        running.kill("SIGKILL");
        await running.ended;
      }
      const alive: string[] = [];
      for (const name of (await cli.ok(["ps", "--format", "{{.Names}}"])).split("\n")) {
        if (name === "") continue;
        alive.push(name);
        assert.equal(await cli.ok(["exec", name, "echo", "here"]), "here\n");
        await until("its log", async () => last(await cli.ok(["logs", name])) > 2);
        await cli.ok(["stop", name]);
        assert.equal((await state(cli, name))["ExitCode"], 9);
      }
      assert.ok(alive.length > 0, "the last ones were killed late enough");
      const all = (await cli.ok(["ps", "-aq"])).split("\n").filter(Boolean);
      if (all.length > 0) await cli.ok(["rm", ...all]);
      assert.deepEqual(await leftovers(before, { patienceMs: 10_000 }), []);
      await until("no files", () => cli.containerDirectories().length === 0);
    }),
);

test(
  "a reader that has left ends the command quietly, and nothing stays",
  NEEDS,
  () =>
    withCli("survive", async (cli) => {
      await cli.ok(["run", "--rm", "host", "true"]);
      const before = systemState();
      const command = cli.argv("run", "--rm", "host", "echo", "unread").join(" ");
      // The other end of its stdout is closed before it writes.
      const script = `(sleep 0.2; CTR_RUNTIME=${RUNTIME} ${command}; echo code $? >&2) | true`;
      const { stderr } = await start(["sh", "-c", script]).ended;
      assert.equal(stderr, "code 141\n");
      await until("no record", async () => await cli.ok(["ps", "-aq"]) === "");
      assert.deepEqual(await leftovers(before, { patienceMs: 10_000 }), []);
      await until("no files", () => cli.containerDirectories().length === 0);
    }),
);

test(
  "a container that cannot tell its id is ended",
  NEEDS,
  () =>
    withCli("survive", async (cli) => {
      await cli.ok(["run", "--rm", "host", "true"]);
      const before = systemState();
      for (const command of [["true"], ["sleep", "100"]]) {
        const file = join(cli.root, "no/such/directory/id");
        const ended = await cli.run(["run", "--rm", "--cidfile", file, "host", ...command]);
        assert.equal(ended.code, 125);
        assert.match(ended.stderr, /no such file or directory/);
      }
      assert.equal(await cli.ok(["ps", "-aq"]), "");
      assert.deepEqual(await leftovers(before, { patienceMs: 10_000 }), []);
      assert.deepEqual(cli.containerDirectories(), []);
    }),
);

test(
  "a container of one runtime obeys the command line on the other",
  NEEDS,
  () =>
    withCli("survive", async (cli) => {
      await orphan(cli, "web");
      const other = cli.on(RUNTIME === "bun" ? "deno" : "bun");
      assert.match(await other.ok(["ps"]), /\bweb\b/);
      assert.ok(last(await other.ok(["logs", "web"])) >= 2);
      assert.equal(await other.ok(["exec", "web", "echo", "hello"]), "hello\n");
      await other.ok(["stop", "web"]);
      await other.ok(["rm", "web"]);
      assert.equal(await cli.ok(["ps", "-aq"]), "");
    }),
);

test(
  "kill -9 of the shim ends the container and leaves a record that can be removed",
  NEEDS,
  () =>
    withCli("survive", async (cli) => {
      await cli.ok(["run", "-d", "--name", "web", "host", "sleep", "100"]);
      const pid = Number((await state(cli, "web"))["Pid"]);
      assert.ok(pid > 0 && existsSync(`/proc/${pid}`));
      const { readFileSync } = await import("node:fs");
      const shim = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]);
      assert.match(readFileSync(`/proc/${shim}/cmdline`, "utf8"), /shim/);
      process.kill(shim, "SIGKILL");
      await until(
        "the state to be seen",
        async () => (await state(cli, "web"))["Running"] === false,
      );
      await cli.ok(["rm", "-f", "web"]);
      await until("the process to go", () => !existsSync(`/proc/${pid}`));
    }),
);

test(
  "signals to the command line reach the container",
  NEEDS,
  () =>
    withCli("survive", async (cli) => {
      const running = cli.start(["run", "--rm", "host", "sh", "-c", COUNT]);
      await until("first output", () => running.stdout().includes("n2"));
      running.kill("SIGTERM");
      const { code, stdout } = await running.ended;
      assert.equal(code, 9);
      assert.match(stdout, /bye\n$/);
    }),
);

test(
  "output is complete and in order, however much there is",
  NEEDS,
  () =>
    withCli("survive", async (cli) => {
      const lines = 20_000;
      const command = ["seq", "1", String(lines)];
      const out = await cli.ok(["run", "--name", "many", "host", ...command]);
      const expected = Array.from({ length: lines }, (_, i) => `${i + 1}\n`).join("");
      assert.equal(out, expected);
      assert.equal(await cli.ok(["logs", "many"]), expected);
    }),
);
