import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Registry } from "../../src/pull/mod.ts";
import { makeCertificates } from "../fixtures/certificates.ts";
import { withHttpRegistry } from "../fixtures/http_registry.ts";
import { needs } from "../fixtures/needs.ts";

// containers/image: a registry with TLS named a token service without, and the password went there in
// the clear. The same holds for a redirect.

test(
  "CVE-2019-10214: a registry with TLS sends us nowhere without",
  needs("cmd:openssl"),
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "ctr-cve-2019-10214-"));
    try {
      await makeCertificates(directory);
      const file = (name: string) => readFileSync(join(directory, name), "utf8");
      await withHttpRegistry(({ reply }) => reply(200, {}, "{}"), async (plain) => {
        const server = createServer({ key: file("server.key"), cert: file("server.crt") });
        server.on("request", (request, response) => {
          const realm = `Bearer realm="http://${plain.host}/token",service="s"`;
          if (request.url!.endsWith("/token")) {
            response.writeHead(401, { "WWW-Authenticate": realm }).end();
          } else response.writeHead(307, { Location: `http://${plain.host}/x` }).end();
        }).listen(0, "127.0.0.1");
        await once(server, "listening");
        try {
          const { port } = server.address() as { port: number };
          const host = `127.0.0.1:${port}`;
          mkdirSync(join(directory, host));
          writeFileSync(join(directory, host, "ca.crt"), file("ca.crt"));
          const credentials = { [host]: { username: "ada", password: "secret" } };
          const options = { hostsDirs: [directory], credentials, retryMs: 1 };
          const registry = new Registry({ repository: `${host}/app`, ...options });
          await assert.rejects(registry.manifest("token"), {
            code: "data_loss",
            message: /the token service has no TLS/,
          });
          await assert.rejects(registry.manifest("redirect"), {
            code: "data_loss",
            message: /redirects to a connection without TLS/,
          });
          assert.deepEqual(plain.log, []);
        } finally {
          server.closeAllConnections();
          server.close();
        }
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
);
