import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { dockerConfig, Registry } from "../../src/pull/mod.ts";
import { withHttpRegistry } from "../fixtures/http_registry.ts";

// Docker: with a credential helper that is not there, the password for a registry went to Docker Hub.

test("CVE-2021-41092: without its helper a registry's password goes nowhere", async () => {
  const home = mkdtempSync(join(tmpdir(), "ctr-cve-2021-41092-"));
  try {
    await withHttpRegistry(({ reply }) => {
      reply(401, { "WWW-Authenticate": 'Basic realm="x"' });
    }, async ({ host, authorizations }) => {
      for (const config of [{ credsStore: "gone" }, { credHelpers: { [host]: "gone" } }]) {
        const text = JSON.stringify({
          ...config,
          auths: { "https://index.docker.io/v1/": { auth: btoa("hub:secret") } },
        });
        writeFileSync(join(home, "config.json"), text);
        const docker = dockerConfig({ DOCKER_CONFIG: home, PATH: home });
        const registry = new Registry({
          repository: `${host}/app`,
          credentials: docker.credentials,
        });
        const missing = { code: "unavailable", message: /no program docker-credential-gone/ };
        await assert.rejects(registry.manifest("latest"), missing);
        const ada = { username: "ada", password: "secret" };
        await assert.rejects(docker.store(host, ada), missing);
        assert.equal(readFileSync(join(home, "config.json"), "utf8"), text);
      }
      assert.deepEqual(new Set(authorizations), new Set([undefined]));
    });
  } finally {
    rmSync(home, { recursive: true });
  }
});
