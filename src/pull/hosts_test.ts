import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { withHttpRegistry } from "../../tests/fixtures/http_registry.ts";
import { hostEntries } from "./hosts.ts";
import { Registry } from "./mod.ts";

async function withHosts(
  files: Readonly<Record<string, string>>,
  work: (directory: string) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "ctr-hosts-"));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(directory, path, ".."), { recursive: true });
      writeFileSync(join(directory, path), text);
    }
    await work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("hostEntries() finds a registry's own directory before the default one", () =>
  withHosts({
    "_default/hosts.toml": 'server = "https://default.example"',
    "r.example_5000_/hosts.toml": 'server = "https://port.example"\n[host."m.example"]',
    "d.example:443/ca.crt": "an authority",
    "d.example:443/me.cert": "a certificate",
    "d.example:443/me.key": "a key",
    "bad.example/hosts.toml": 'server = "x"\nserver = "y"',
    "half.example/me.cert": "a certificate",
  }, async (directory) => {
    const urls = async (registry: string) =>
      (await hostEntries(registry, ["/nowhere", directory])).map(({ url }) => url);
    assert.deepEqual(await urls("r.example"), ["https://default.example"]);
    assert.deepEqual(await urls("r.example:5000"), ["https://m.example", "https://port.example"]);
    const [docker] = await hostEntries("d.example:443", [directory]);
    assert.deepEqual(docker!.tls, {
      ca: ["an authority"],
      cert: "a certificate",
      key: "a key",
      skipVerify: false,
    });
    await assert.rejects(hostEntries("bad.example", [directory]), {
      code: "invalid_argument",
      message: /hosts\.toml": line 2: server is there twice/,
    });
    await assert.rejects(hostEntries("half.example", [directory]), /there is no me.key/);
    assert.deepEqual(await hostEntries("r.example", []), []);
  }));

test("a mirror is asked first, for the registry that is meant, and what it lacks comes from behind", () =>
  withHttpRegistry(({ path, headers, reply }) => {
    assert.equal(headers["x-team"], "blue");
    if (path.startsWith("/cache/app/manifests/mirrored?")) return reply(200, {}, "{}");
    if (path.startsWith("/cache/app/manifests/missing?")) return reply(404);
    reply(500);
  }, async (mirror) => {
    await withHttpRegistry(({ reply }) => reply(200, {}, "[]"), async (own) => {
      const toml = `server = "http://${own.host}"
        [host."http://${mirror.host}/cache"]
        capabilities = ["pull", "resolve"]
        override_path = true
        [host."http://${mirror.host}/cache".header]
        x-team = "blue"`;
      await withHosts({ "r.example/hosts.toml": toml }, async (directory) => {
        const credentials = { "r.example": { username: "ada", password: "secret" } };
        const registry = new Registry({
          repository: "r.example/app",
          hostsDirs: [directory],
          retryMs: 1,
          credentials,
        });
        const length = async (tag: string) => (await registry.manifest(tag)).bytes.length;
        assert.equal(await length("mirrored"), 2);
        assert.deepEqual([mirror.log, own.log], [
          ["GET /cache/app/manifests/mirrored?ns=r.example"],
          [],
        ]);
        assert.equal(await length("missing"), 2);
        assert.equal(await length("broken"), 2);
        assert.deepEqual(own.log, [
          "GET /v2/app/manifests/missing?ns=r.example",
          "GET /v2/app/manifests/broken?ns=r.example",
        ]);
        const { bytes, descriptor } = await registry.manifest("mirrored");
        await registry.pushManifest("pushed", { bytes, descriptor });
        assert.equal(own.log.at(-1), "PUT /v2/app/manifests/pushed?ns=r.example");
      });
    });
  }));
