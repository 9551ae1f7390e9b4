/**
 * Registries behind a proxy, and what does not answer at all.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Registry } from "../../src/pull/mod.ts";
import { busyboxImage } from "../fixtures/busybox_image.ts";
import { makeCertificates } from "../fixtures/certificates.ts";
import { withCli } from "../fixtures/cli.ts";
import { withConnectProxy } from "../fixtures/connect_proxy.ts";
import { withDeafPort } from "../fixtures/deaf_port.ts";
import { startDockerRegistry } from "../fixtures/docker_registry.ts";
import { FakeRegistry } from "../fixtures/fake_remote.ts";
import { needs } from "../fixtures/needs.ts";

const NEEDS = needs("root", "overlayfs", "cmd:docker-registry", "cmd:openssl", "cmd:skopeo");

test(
  "HTTPS_PROXY and NO_PROXY count for hosts with certificates of their own",
  NEEDS,
  () =>
    withCli("registry-proxy", async (cli) => {
      await makeCertificates(cli.root);
      const at = (name: string) => join(cli.root, name);
      const tls = { certificate: at("server.crt"), key: at("server.key"), clientcas: at("ca.crt") };
      const [plain, secure] = await Promise.all([
        startDockerRegistry(),
        startDockerRegistry({ tls }),
      ]);
      try {
        const source = new FakeRegistry();
        await plain.push(source, busyboxImage(source, "far away"), "app:1");
        await cli.ok(["pull", "-q", `${plain.host}/app:1`]);
        await cli.ok(["tag", `${plain.host}/app:1`, "registry.invalid/app:1"]);
        mkdirSync(at("hosts/registry.invalid"), { recursive: true });
        const pair = `["${at("client.crt")}", "${at("client.key")}"]`;
        writeFileSync(
          at("hosts/registry.invalid/hosts.toml"),
          `ca = "${at("ca.crt")}"\nclient = [${pair}]\n`,
        );
        await withConnectProxy({ "registry.invalid:443": secure.host }, async (proxy) => {
          const env = {
            CTR_HOSTS_DIR: at("hosts"),
            HTTPS_PROXY: `http://ada:secret@${proxy.host}`,
          };
          await cli.ok(["push", "registry.invalid/app:1"], { env });
          await cli.ok(["pull", "-q", "registry.invalid/app:1"], { env });
          assert.deepEqual([...new Set(proxy.log)], [
            `registry.invalid:443 Basic ${btoa("ada:secret")}`,
          ]);
          // Directly there is no such host.
          const without = { ...env, NO_PROXY: ".invalid" };
          const direct = await cli.run(["pull", "-q", "registry.invalid/app:1"], { env: without });
          assert.deepEqual([direct.code, /registry\.invalid/.test(direct.stderr)], [1, true]);
        });
      } finally {
        await Promise.all([plain.stop(), secure.stop()]);
      }
    }),
);

test("dial_timeout of hosts.toml ends the wait for what does not answer", NEEDS, async () => {
  const directory = mkdtempSync(join(tmpdir(), "ctr-dial-"));
  try {
    await withDeafPort(async (port) => {
      mkdirSync(join(directory, "r.invalid"));
      const file = join(directory, "r.invalid/hosts.toml");
      writeFileSync(file, `server = "http://127.0.0.1:${port}"\ndial_timeout = "0.1s"\n`);
      const access = { hostsDirs: [directory], retryMs: 1, timeoutMs: 600_000 };
      const registry = new Registry({ repository: "r.invalid/app", ...access });
      await assert.rejects(registry.manifest("latest"), {
        code: "unavailable",
        message: new RegExp(`127\\.0\\.0\\.1:${port} does not answer within 100 ms`),
      });
      writeFileSync(file, readFileSync(file, "utf8").replace("0.1s", "a while"));
      const wrong = new Registry({ repository: "r.invalid/app", ...access });
      await assert.rejects(wrong.manifest("latest"), /"a while\\?" is no duration/);
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
});
