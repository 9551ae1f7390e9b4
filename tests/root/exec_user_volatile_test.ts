import assert from "node:assert/strict";
import { test } from "node:test";
import { withCli } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";

test(
  "exec by user name leaves a running --rm container able to change its image's files",
  needs(
    "root",
    "overlayfs",
  ),
  () =>
    withCli("exec-volatile", async (cli) => {
      const run = async (...args: string[]): Promise<string> => {
        const { code, stdout, stderr } = await cli.run(args);
        assert.equal(code, 0, stderr);
        return stdout.trim();
      };
      const id = await run("run", "-d", "--rm", "host", "sleep", "600");
      assert.equal(await run("exec", "-u", "daemon", id, "id", "-un"), "daemon");
      assert.equal(
        await run("exec", id, "sh", "-c", "echo x >> /etc/group && tail -n1 /etc/group"),
        "x",
      );
      await run("rm", "-f", id);
    }),
);
