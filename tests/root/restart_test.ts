/**
 * `restart`, `rename`, `top` and `stats` as people use them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Cli, until, withCli } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";

const NEEDS = needs("root", "overlayfs");

async function stateOf(cli: Cli, name: string): Promise<Record<string, unknown>> {
  return JSON.parse(await cli.ok(["inspect", "--format", "{{json .State}}", name]));
}

test(
  "restart stops and starts, starts what does not run, and goes on after a failure",
  NEEDS,
  () =>
    withCli("restart", async (cli) => {
      const script = "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done";
      await cli.ok(["run", "-d", "--name", "web", "host", "sh", "-c", script]);
      await until("its trap", async () => await cli.ok(["logs", "web"]) === "up\n");
      const before = await stateOf(cli, "web");
      const { code, stdout, stderr } = await cli.run(["restart", "no-such", "web"]);
      assert.deepEqual([code, stdout], [1, "web\n"]);
      assert.equal(stderr, 'ctr: cannot restart "no-such": no such container\n');
      const after = await stateOf(cli, "web");
      assert.equal(after["Running"], true);
      assert.notEqual(after["Pid"], before["Pid"]);
      await until("it once more", async () => await cli.ok(["logs", "web"]) === "up\nup\n");
      await cli.ok(["stop", "web"]);
      assert.equal((await stateOf(cli, "web"))["ExitCode"], 7);
      assert.equal(await cli.ok(["restart", "-t", "0", "web"]), "web\n");
      assert.equal((await stateOf(cli, "web"))["Running"], true);
      await cli.ok(["pause", "web"]);
      await cli.ok(["restart", "-t", "0", "web"]);
      assert.equal((await stateOf(cli, "web"))["Status"], "running");
    }),
);

test(
  "restart keeps a container of run --rm, which goes when it ends",
  NEEDS,
  () =>
    withCli("restart-rm", async (cli) => {
      const attached = cli.start(["run", "--rm", "--name", "front", "host", "sleep", "1000"]);
      await cli.ok(["run", "-d", "--rm", "--name", "back", "host", "sleep", "1000"]);
      const names = async () => await cli.ok(["ps", "--format", "{{.Names}}"]);
      await until("both", async () => (await names()).split("\n").length === 3);
      await cli.ok(["restart", "-t", "0", "front", "back"]);
      assert.equal((await attached.ended).code, 137);
      // What the end of the first life may remove is asked for the lock that restart had.
      await new Promise((resolve) => setTimeout(resolve, 500));
      assert.deepEqual((await names()).trim().split("\n").sort(), ["back", "front"]);
      await cli.ok(["stop", "-t", "0", "front", "back"]);
      await until("their removal", async () => await cli.ok(["ps", "-aq"]) === "");
    }),
);

test(
  "rename gives another name, once",
  NEEDS,
  () =>
    withCli("rename", async (cli) => {
      await cli.ok(["create", "--name", "one", "host", "true"]);
      await cli.ok(["create", "--name", "other", "host", "true"]);
      assert.equal(await cli.ok(["rename", "one", "two"]), "");
      assert.equal(await cli.ok(["inspect", "--format", "{{.Name}}", "two"]), "/two\n");
      for (
        const [name, wanted] of [
          ["two", /current name/],
          ["other", /"\/other" is already in use/],
          ["-", /a name is letters/],
        ] as const
      ) {
        const { code, stderr } = await cli.run(["rename", "two", name]);
        assert.equal(code, 1);
        assert.match(stderr, wanted);
      }
      assert.equal((await cli.run(["start", "one"])).code, 1);
      await cli.ok(["start", "two"]);
    }),
);

test(
  "top lists a container's processes, and takes ps's options",
  NEEDS,
  () =>
    withCli("top", async (cli) => {
      const script = "sleep 1000 & exec sleep 2000";
      await cli.ok(["run", "-d", "--name", "web", "host", "sh", "-c", script]);
      await until("both", async () =>
        /sleep 1000[^]*sleep 2000|sleep 2000[^]*sleep 1000/.test(
          await cli.ok(["top", "web"]),
        ));
      const { Pid } = await stateOf(cli, "web");
      const [head, first, second, ...rest] = (await cli.ok(["top", "web"])).split("\n");
      assert.match(head!, /^UID {17}PID {17}PPID {16}C {19}STIME {15}TTY {17}TIME {16}CMD$/);
      assert.match(`${first}\n${second}`, new RegExp(`^root +${Pid} `, "m"));
      assert.deepEqual(rest, [""]);
      assert.match(await cli.ok(["top", "web", "-o", "pid,comm"]), /^PID +COMMAND\n\d+ +sleep\n/);
      assert.match((await cli.run(["top", "web", "-o", "comm"])).stderr, /couldn't find PID field/);
      await cli.ok(["stop", "-t", "0", "web"]);
      assert.match((await cli.run(["top", "web"])).stderr, /container is not running/);
    }),
);

test(
  "stats shows what containers use, those that run or those that are named",
  NEEDS,
  () =>
    withCli("stats", async (cli) => {
      await cli.ok([
        "run",
        "-d",
        "-m",
        "64m",
        "--name",
        "busy",
        "host",
        "sh",
        "-c",
        "while :; do :; done",
      ]);
      await cli.ok(["create", "--name", "idle", "host", "true"]);
      const [head, line, ...rest] = (await cli.ok(["stats", "--no-stream"])).split("\n");
      assert.match(
        head!,
        /^CONTAINER ID +NAME +CPU % +MEM USAGE \/ LIMIT +MEM % +NET I\/O +BLOCK I\/O +PIDS$/,
      );
      assert.match(
        line!,
        /^[0-9a-f]{12} +busy +\d+\.\d\d% +[\d.]+[KM]iB \/ 64MiB +\d+\.\d\d% .* 1$/,
      );
      assert.deepEqual(rest, [""]);
      const row = JSON.parse(await cli.ok(["stats", "--no-stream", "--format", "json", "busy"]));
      assert.ok(parseFloat(row.CPUPerc) > 0, row.CPUPerc);
      const format = "{{.Name}} {{.MemUsage}} {{.PIDs}}";
      const idle = await cli.ok(["stats", "--no-stream", "--format", format, "idle"]);
      assert.equal(idle, "idle 0B / 0B 0\n");
      assert.equal((await cli.ok(["stats", "-a", "--no-stream"])).split("\n").length, 4);
      const { code, stderr } = await cli.run(["stats", "no-such"]);
      assert.deepEqual([code, stderr], [
        1,
        'ctr: cannot show stats of "no-such": no such container\n',
      ]);
      const live = cli.start(["stats", "--format", "{{.Name}}"]);
      await until(
        "a second look",
        () => live.stdout().split("\x1b[Hbusy\x1b[K\n\x1b[J").length > 2,
      );
      live.kill("SIGINT");
      await live.ended;
    }),
);
