import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { checkLogin, Registry } from "../../src/pull/mod.ts";
import { withHttpRegistry } from "../fixtures/http_registry.ts";

// Docker: a registry that did not answer by TLS was asked again without, so that who sits in between
// needs only to break the first connection.

test("CVE-2014-5277: a registry that has no TLS is not asked without", async () => {
  const directory = mkdtempSync(join(tmpdir(), "ctr-cve-2014-5277-"));
  try {
    await withHttpRegistry(({ reply }) => reply(200, {}, "{}"), async ({ host, log }) => {
      mkdirSync(join(directory, "r.invalid"));
      writeFileSync(join(directory, "r.invalid/hosts.toml"), `server = "https://${host}"\n`);
      const access = { hostsDirs: [directory], retryMs: 1 };
      const registry = new Registry({ repository: "r.invalid/app", ...access });
      await assert.rejects(registry.manifest("latest"), { code: "unavailable" });
      const ada = { username: "ada", password: "secret" };
      await assert.rejects(checkLogin("r.invalid", ada, access), { code: "unavailable" });
      assert.deepEqual(log, []);
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
});
