/**
 * Restart policies: who is started again, how often, and who is not.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Cli, until, withCli } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";

const here = needs("root", "overlayfs", "cgroup");

/** Start a container that counts its starts in a file of the host, and then does as it is told. */
async function counting(cli: Cli, policy: string, then: string) {
  const file = join(cli.root, "count");
  writeFileSync(file, "");
  const script = `echo >>/count; ${then}`;
  const flags = ["-d", "--name", "web", "--restart", policy, "-v", `${file}:/count`];
  await cli.ok(["run", ...flags, "host", "sh", "-c", script]);
  const { inspect } = inspector(cli);
  return { inspect, starts: () => readFileSync(file, "utf8").length };
}

function inspector(cli: Cli) {
  const inspect = async (format: string) => (await cli.ok(["inspect", "-f", format, "web"])).trim();
  return { inspect };
}

test(
  "on-failure:1 starts again once, and gives up",
  here,
  () =>
    withCli("restart-failure", async (cli) => {
      const { inspect, starts } = await counting(cli, "on-failure:1", "exit 3");
      await until("the last end", async () => await inspect("{{.State.Status}}") === "exited");
      assert.equal(starts(), 2);
      assert.equal(
        await inspect("{{.RestartCount}} {{.State.ExitCode}} {{json .HostConfig.RestartPolicy}}"),
        '1 3 {"Name":"on-failure","MaximumRetryCount":1}',
      );
      await cli.ok(["start", "web"]);
      await until(
        "the end after a new start",
        async () => starts() === 4 && await inspect("{{.State.Status}}") === "exited",
      );
      assert.equal(await inspect("{{.RestartCount}}"), "1");
    }),
);

test(
  "on-failure leaves alone what has ended well; an unknown policy is refused",
  here,
  () =>
    withCli("restart-well", async (cli) => {
      const { inspect, starts } = await counting(cli, "on-failure", "exit 0");
      await until("its end", async () => await inspect("{{.State.Status}}") === "exited");
      assert.deepEqual([starts(), await inspect("{{.RestartCount}}")], [1, "0"]);
      for (const flags of [["--restart", "often"], ["--restart", "always", "--rm"]]) {
        assert.equal((await cli.run(["run", ...flags, "host", "true"])).code, 125);
      }
    }),
);

test(
  "always starts again who ended or was killed, until it is stopped",
  here,
  () =>
    withCli("restart-always", async (cli) => {
      const { inspect, starts } = await counting(cli, "always", "exec sleep 1000");
      for (const times of [1]) {
        const pid = Number(await inspect("{{.State.Pid}}"));
        process.kill(pid, "SIGKILL");
        await until(
          "its restart",
          async () => starts() === times + 1 && await inspect("{{.State.Status}}") === "running",
        );
        assert.equal(await inspect("{{.RestartCount}}"), String(times));
      }
      assert.equal((await cli.ok(["exec", "web", "echo", "in"])).trim(), "in");
      await cli.ok(["stop", "-t", "1", "web"]);
      assert.equal(await inspect("{{.State.Status}} {{.State.Restarting}}"), "exited false");
      assert.equal(starts(), 2);
      await cli.ok(["start", "web"]);
      await cli.ok(["kill", "web"]);
      await until("its end", async () => await inspect("{{.State.Status}}") === "exited");
      assert.equal(starts(), 3);
    }),
);

test(
  "a container that is about to be started again can be seen, stopped and removed",
  here,
  () =>
    withCli("restart-pending", async (cli) => {
      // Soon it takes seconds from one start to the next.
      const { inspect, starts } = await counting(cli, "always", "exit 1");
      await until("some starts", () => starts() >= 4);
      await until("a pause", async () => await inspect("{{.State.Status}}") === "restarting");
      await until("a line of ps", async () =>
        /Restarting \(1\)/.test(await cli.ok(["ps", "--filter", "status=restarting"])));
      await until("both words", async () =>
        await inspect("{{.State.Running}} {{.State.Restarting}}") === "true true");
      assert.notEqual((await cli.run(["rm", "web"])).code, 0);
      await cli.ok(["stop", "web"]);
      assert.equal(await inspect("{{.State.Status}}"), "exited");
      const after = starts();
      await cli.ok(["start", "web"]);
      await until("another pause", async () =>
        await inspect("{{.State.Status}}") === "restarting");
      assert.ok(starts() > after);
      await cli.ok(["rm", "-f", "web"]);
      assert.deepEqual(cli.containerDirectories(), []);
    }),
);

test(
  "in the foreground the client leaves with the first end",
  here,
  () =>
    withCli("restart-foreground", async (cli) => {
      const file = join(cli.root, "once");
      const script = "test -e /data/once && exec sleep 1000; echo first; echo >/data/once; exit 5";
      const flags = ["--name", "web", "--restart", "on-failure", "-v", `${cli.root}:/data`];
      const { code, stdout } = await cli.run(["run", ...flags, "host", "sh", "-c", script]);
      assert.deepEqual([code, stdout], [5, "first\n"]);
      assert.ok(existsSync(file));
      const { inspect } = inspector(cli);
      await until("its restart", async () => await inspect("{{.State.Status}}") === "running");
      await cli.ok(["rm", "-f", "web"]);
    }),
);
