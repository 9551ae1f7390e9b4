/**
 * `ctr login` and `ctr logout` with a registry that wants a password.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { output, withCli } from "../fixtures/cli.ts";
import { startDockerRegistry } from "../fixtures/docker_registry.ts";
import { needs } from "../fixtures/needs.ts";

// bcrypt of "secret", as htpasswd -B writes it.
const HTPASSWD = "ada:$2y$05$FB3TZ8eGzYHqOIvYjPTrHOTfz0KAiywCWAzHdxKLe1NlfvmODtdKC";

test(
  "login checks a password, remembers it as Docker does, and logout forgets it",
  needs("root", "cmd:docker-registry", "cmd:skopeo"),
  async () => {
    const docker = await startDockerRegistry({ htpasswd: HTPASSWD });
    try {
      await withCli("login", async (cli) => {
        const file = join(cli.root, "config.json");
        const env = { DOCKER_CONFIG: cli.root };
        const login = (input: string) =>
          cli.run(["login", "-u", "ada", "--password-stdin", docker.host], { env, input });
        const wrong = await login("guess\n");
        assert.equal(wrong.code, 1);
        assert.match(wrong.stderr, /^ctr: cannot log in to "[^"]+": unauthorized: incorrect/);
        const right = await login("secret\n");
        assert.deepEqual([right.code, right.stdout], [0, "Login Succeeded\n"], right.stderr);
        assert.match(right.stderr, /stored unencrypted/);
        // skopeo reads the file as Docker wrote it.
        assert.equal(
          await output(["skopeo", "login", "--get-login", "--authfile", file, docker.host]),
          "ada\n",
        );
        assert.equal(
          await cli.ok(["logout", `http://${docker.host}/`], { env }),
          `Removing login credentials for ${docker.host}\n`,
        );
        assert.deepEqual(JSON.parse(readFileSync(file, "utf8")), { auths: {} });
        const again = await cli.ok(["logout", docker.host], { env });
        assert.equal(again, `Not logged in to ${docker.host}\n`);
        const alone = await cli.run(["login", docker.host], { env });
        assert.deepEqual(
          [alone.code, /not a terminal/.test(alone.stderr)],
          [1, true],
          alone.stderr,
        );
      });
    } finally {
      await docker.stop();
    }
  },
);
