/**
 * Other OCI runtimes that fail, processes that are killed beside them, and what the command line says.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { commandRuntime } from "../../src/runtime/mod.ts";
import { control, explain, runDetached } from "../../src/task/mod.ts";
import { RUNTIME as JAVASCRIPT, until, withCli } from "../fixtures/cli.ts";
import { withEngine } from "../fixtures/engine.ts";
import { needs } from "../fixtures/needs.ts";
import { OTHER_RUNTIMES, program } from "../fixtures/other_runtimes.ts";
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
const [RUNTIME] = OTHER_RUNTIMES;

test(
  "a runtime that fails leaves nothing, and its words are told",
  RUNC,
  () =>
    withRuntime(RUNTIME!, (test) =>
      nothingStays(async () => {
        const { engine, root } = test;
        const says = (words: string) =>
          `for w; do test "$last" = --log && log=$w; last=$w; done; ` +
          `echo '{"level":"error","msg":"${words}"}' >"$log"; exit 1`;
        for (
          const [name, text, reason] of [
            ["fails", says("out of magic"), /out of magic/],
            ["dies", "echo all is lost >&2; kill -9 $$", /exit code 137/],
            ["no-pid", "exit 0", /no such file/],
            [
              "not-started",
              `case "$*" in *" start "*) ${says("not today")};; esac
            exec runc "$@"`,
              /not today/,
            ],
            ["no-program", "#!/no/such/shell", /cannot run OCI runtime .* no such file/],
          ] as const
        ) {
          const runtime = program(root, name, text);
          await assert.rejects(run(engine, { ...sh("sleep 1000"), runtime }), (error: Error) => {
            assert.match(error.message, reason);
            assert.notEqual((error as { operation?: string }).operation, "execute");
            return true;
          });
        }
      }, test)),
);

test(
  "a runtime that hangs does not keep its container's processes alive",
  RUNC,
  () =>
    withRuntime(RUNTIME!, (test) =>
      nothingStays(async () => {
        const { engine, root } = test;
        const path = program(
          root,
          "hangs",
          'case "$*" in *" delete "*) exec sleep 1000;; esac; exec runc "$@"',
        );
        const { id } = await runDetached(engine, { ...sh(LOOP), name: "web", runtime: path });
        const stateDir = `${engine.directories.exec}/${id}`;
        const runtime = await commandRuntime({ path, env: engine.env, stateDir }, {
          patienceMs: 100,
        });
        await assert.rejects(
          runtime.destroy({ id, spec: { ociVersion: "1.0.2" } }),
          /exit code 137/,
        );
        await until("its end", async () => (await inspect(engine, "web"))["Status"] === "exited");
        await (await control()).removeContainer(engine, "web");
      }, test)),
);

test(
  "kill -9 of the shim ends a container of another runtime, and rm leaves nothing of it",
  RUNC,
  () =>
    withRuntime(RUNTIME!, (test) =>
      nothingStays(async () => {
        const { engine, runtime } = test;
        await runDetached(engine, { ...sh(LOOP), name: "web", runtime });
        const { Pid } = await inspect(engine, "web");
        const status = readFileSync(`/proc/${Pid}/status`, "utf8");
        const shim = Number(/^PPid:\s+(\d+)/m.exec(status)![1]);
        assert.match(readFileSync(`/proc/${shim}/cmdline`, "utf8"), /shim/);
        process.kill(shim, "SIGKILL");
        await until("its end", async () => (await inspect(engine, "web"))["Status"] === "exited");
        await until("its process to go", () => !existsSync(`/proc/${Pid}`));
        await (await control()).removeContainer(engine, "web");
      }, test)),
);

test(
  "a runtime that does not exist is refused before anything is made",
  needs(...NEEDS),
  () =>
    withEngine("command-unknown", "own shim", async ({ engine, leftovers }) => {
      const runtime = "no-such-runtime";
      await assert.rejects(runDetached(engine, { ...sh("true"), runtime }), {
        code: "invalid_argument",
        subject: runtime,
      });
      assert.deepEqual(leftovers(), []);
      const { explainRun } = await explain();
      await assert.rejects(explainRun(engine, { ...sh("true"), runtime: "runc" }), {
        code: "invalid_argument",
      });
    }),
);

test(
  "--runtime takes names and paths, and inspect and info tell them",
  RUNC,
  () =>
    withCli("command", async (cli) => {
      for (
        const [runtime, code] of [
          ["runc", 3],
          ["io.containerd.runc.v2", 3],
          ["ctr", 3],
          ["no-such-runtime", 125],
        ] as const
      ) {
        const flags = ["--runtime", runtime];
        const ended = await cli.run(["run", "--rm", ...flags, "host", "sh", "-c", "exit 3"]);
        assert.equal(ended.code, code, ended.stderr);
      }
      assert.equal((await cli.run(["run", "--rm", "--runtime=runc", "host", "nope"])).code, 127);
      assert.equal((await cli.run(["run", "--rm", "--runtime=runc", "host", "/etc"])).code, 126);
      await cli.ok(["create", "--runtime", "runc", "--name", "web", "host", "true"]);
      await cli.ok(["create", "--name", "own", "host", "true"]);
      const format = ["--format", "{{.HostConfig.Runtime}}"];
      assert.equal(await cli.ok(["inspect", ...format, "web", "own"]), "runc\nctr\n");
      assert.match(await cli.ok(["info"]), /^Runtimes: ctr runc\b/m);
    }),
);

test(
  "kill -9 of the command line while runc starts a container leaves it whole, or nothing that runs",
  RUNC,
  () =>
    withCli("command-killed", async (cli) => {
      await cli.ok(["run", "--rm", "--runtime", "runc", "host", "true"]);
      const step = JAVASCRIPT === "bun" ? 20 : 40;
      for (let round = 0; round < 12; round++) {
        const flags = ["--runtime", "runc", "--name", `early${round}`];
        const running = cli.start(["run", ...flags, "host", "sh", "-c", LOOP]);
        await new Promise((resolve) => setTimeout(resolve, round * step));
        running.kill("SIGKILL");
        await running.ended;
      }
      const running = await cli.ok(["ps", "--format", "{{.Names}}"]);
      for (const name of running.split("\n").filter(Boolean)) {
        assert.equal(await cli.ok(["exec", name, "echo", "here"]), "here\n");
      }
      const all = (await cli.ok(["ps", "-aq", "--no-trunc"])).split("\n").filter(Boolean);
      assert.ok(all.length > 0, "the last ones were killed late enough");
      await cli.ok(["rm", "-f", ...all]);
      const cgroups = readFileSync("/proc/self/mounts", "utf8").split("\n")
        .map((line) => line.split(" ")).filter(([, , type]) => type?.startsWith("cgroup"));
      for (const id of all) {
        const left = cgroups.map(([, path]) => `${path}/ctr/${id}`).filter(existsSync);
        assert.deepEqual(left, []);
      }
      await until("no files", () => cli.containerDirectories().length === 0);
    }),
);
