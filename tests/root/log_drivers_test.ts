/**
 * Where a container's output is logged: drivers, rotation, URIs, and `logs` of them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { type Cli, until, withCli } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";

const here = needs("root", "overlayfs", "cgroup");
const said = async (cli: Cli, args: readonly string[]) => (await cli.ok(args)).trimEnd();
const run = (cli: Cli, ...args: readonly string[]) => said(cli, ["run", ...args]);
const sh = (script: string) => ["host", "sh", "-c", script];

test(
  "json-file rotates, and logs reads all files with every flag",
  here,
  () =>
    withCli("log-rotation", async (cli) => {
      const options = ["max-size=1k", "max-file=3", "labels=role", "tag={{.Name}}"];
      const flags = options.flatMap((option) => ["--log-opt", option]);
      const count = "i=0; while [ $i -lt 40 ]; do echo line $i; i=$((i+1)); done";
      await run(cli, "--name", "web", "--label", "role=x y", ...flags, ...sh(count));
      const directory = join(cli.root, "data/containers", cli.containerDirectories()[0]!);
      const files = readdirSync(directory).filter((name) => name.includes("-json.log"));
      assert.equal(files.length, 3);
      const all = (await said(cli, ["logs", "web"])).split("\n");
      assert.equal(all.at(-1), "line 39");
      assert.ok(all.length < 40);
      assert.equal(await said(cli, ["logs", "--tail", "12", "web"]), all.slice(-12).join("\n"));
      assert.equal(
        await said(cli, ["logs", "--details", "-n", "1", "web"]),
        "role=x%20y,tag=web line 39",
      );
      assert.match(
        await said(cli, ["logs", "-t", "--details", "-n1", "web"]),
        /^\d{4}-\S+Z role=x%20y,tag=web line 39$/,
      );
      const inspected = JSON.parse(await said(cli, ["inspect", "web"])) as [
        { HostConfig: { LogConfig: unknown } },
      ];
      assert.deepEqual(inspected[0].HostConfig.LogConfig, {
        Type: "json-file",
        Config: { "max-size": "1k", "max-file": "3", labels: "role", tag: "{{.Name}}" },
      });
    }),
);

test(
  "logs -f follows across rotations to the end",
  here,
  () =>
    withCli("log-follow", async (cli) => {
      const flags = ["--log-opt", "max-size=1k", "--log-opt", "max-file=20"];
      const script = "i=0; while [ $i -lt 60 ]; do echo line $i; i=$((i+1)); sleep 0.01; done";
      await run(cli, "-d", "--name", "web", ...flags, ...sh(script));
      const expected = Array.from({ length: 60 }, (_, i) => `line ${i}`).join("\n");
      assert.equal(await said(cli, ["logs", "-f", "web"]), expected);
    }),
);

test(
  "none keeps nothing, and the foreground still has the output",
  here,
  () =>
    withCli("log-none", async (cli) => {
      const out = await run(cli, "--log-driver", "none", "--name", "web", ...sh("echo out"));
      assert.equal(out, "out");
      const { code, stderr } = await cli.run(["logs", "web"]);
      assert.equal(code, 1);
      assert.match(stderr, /configured logging driver does not support reading/);
      const wrong = await cli.run(["run", "--log-driver", "nope", ...sh("true")]);
      assert.equal(wrong.code, 125);
    }),
);

test(
  "file:// and binary:// get the output, to the last byte before the end",
  here,
  () =>
    withCli("log-uri", async (cli) => {
      const file = join(cli.root, "new/dir/log");
      await run(cli, "--log-driver", `file://${file}`, ...sh("echo a; echo b >&2"));
      assert.deepEqual(readFileSync(file, "utf8").trim().split("\n").sort(), ["a", "b"]);

      const logger = join(cli.root, "logger");
      writeFileSync(
        logger,
        `#!/bin/sh
echo "$CONTAINER_NAMESPACE $#: $*" >"${logger}.start"
exec 5>&-
cat <&3 >"${logger}.out"
cat <&4 >"${logger}.err"
sleep 0.2
echo "$CONTAINER_ID" >"${logger}.end"
`,
      );
      chmodSync(logger, 0o755);
      const uri = `binary://${logger}?flag=value&alone`;
      await run(cli, "--name", "web", "--log-driver", uri, ...sh("echo a; echo b >&2"));
      const of = (end: string) => readFileSync(`${logger}.${end}`, "utf8").trim();
      assert.deepEqual([of("start"), of("out"), of("err")], ["ctr 3: flag value alone", "a", "b"]);
      assert.equal(of("end"), await said(cli, ["inspect", "-f", "{{.Id}}", "web"]));
    }),
);

test("syslog gets a message per line", here, () =>
  withCli("log-syslog", async (cli) => {
    const path = join(cli.root, "syslog");
    let text = "";
    const server = createServer((socket) => socket.on("data", (bytes) => text += bytes));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    try {
      const options = [
        `syslog-address=unix://${path}`,
        "syslog-facility=local0",
        "tag=t/{{.Name}}",
      ];
      const flags = options.flatMap((option) => ["--log-opt", option]);
      const driver = ["--log-driver", "syslog", ...flags];
      await run(cli, "--name", "web", ...driver, ...sh("echo one; echo two >&2"));
      await until("both lines", () => text.split("\n").length === 3);
      assert.match(text, /^<134>\w{3} [ \d]\d [\d:]{8} t\/web\[\d+\]: one$/m);
      assert.match(text, /^<131>.* t\/web\[\d+\]: two$/m);
    } finally {
      server.close();
    }
    const flags = ["--log-driver", "syslog", "--log-opt", "syslog-address=unix:///no/such"];
    const { code, stderr } = await cli.run(["run", ...flags, ...sh("true")]);
    assert.equal(code, 125);
    assert.match(stderr, /nobody takes messages at unix:\/\/\/no\/such/);
  }));
