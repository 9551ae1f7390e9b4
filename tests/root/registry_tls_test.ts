/**
 * Registries with certificates of their own, which want to know who we are.
 *
 * @module
 */

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BUSYBOX, busyboxImage } from "../fixtures/busybox_image.ts";
import { makeCertificates } from "../fixtures/certificates.ts";
import { withCli } from "../fixtures/cli.ts";
import { startDockerRegistry } from "../fixtures/docker_registry.ts";
import { FakeRegistry } from "../fixtures/fake_remote.ts";
import { needs } from "../fixtures/needs.ts";

const NEEDS = needs(
  "root",
  "overlayfs",
  "cmd:docker-registry",
  "cmd:openssl",
  "cmd:skopeo",
  `file:${BUSYBOX}`,
);

test(
  "hosts.toml and Docker's certs.d say whom to trust and who we are",
  NEEDS,
  () =>
    withCli("registry-tls", async (cli) => {
      const certificates = join(cli.root, "certificates");
      mkdirSync(certificates);
      await makeCertificates(certificates);
      const at = (name: string) => join(certificates, name);
      const tls = { certificate: at("server.crt"), key: at("server.key"), clientcas: at("ca.crt") };
      const [plain, secure] = await Promise.all([
        startDockerRegistry(),
        startDockerRegistry({ tls }),
      ]);
      try {
        const source = new FakeRegistry();
        await plain.push(source, busyboxImage(source, "secret"), "app:1");
        await cli.ok(["pull", "-q", `${plain.host}/app:1`]);

        // By containerd's file, under a name that there is no such host for.
        const hosts = join(cli.root, "hosts");
        const env = { CTR_HOSTS_DIR: hosts };
        mkdirSync(join(hosts, "registry.invalid"), { recursive: true });
        const toml = (lines: string) =>
          writeFileSync(
            join(hosts, "registry.invalid/hosts.toml"),
            `server = "https://${secure.host}"\n${lines}\n`,
          );
        await cli.ok(["tag", `${plain.host}/app:1`, "registry.invalid/app:1"]);
        toml("");
        const untrusted = await cli.run(["push", "registry.invalid/app:1"], { env });
        assert.equal(untrusted.code, 1);
        assert.match(untrusted.stderr, /cannot reach 127[^\n]*(certificate|issuer|trusted)/i);
        const client = `client = [["${at("client.crt")}", "${at("client.key")}"]]`;
        toml(`ca = "${at("ca.crt")}"\n${client}`);
        assert.match(
          await cli.ok(["push", "registry.invalid/app:1"], { env }),
          /^1: digest: sha256:/m,
        );
        toml(`skip_verify = true\n${client}`);
        await cli.ok(["pull", "-q", "registry.invalid/app:1"], { env });

        // By Docker's directory.
        const docker = join(hosts, secure.host);
        mkdirSync(docker);
        copyFileSync(at("ca.crt"), join(docker, "ca.crt"));
        const name = `${secure.host}/app:1`;
        const nobody = await cli.run(["pull", "-q", name], { env });
        assert.equal(nobody.code, 1);
        copyFileSync(at("client.crt"), join(docker, "client.cert"));
        copyFileSync(at("client.key"), join(docker, "client.key"));
        assert.equal(
          await cli.ok(["run", "--rm", "-q", name, "cat", "/greeting"], { env }),
          "secret\n",
        );
      } finally {
        await Promise.all([plain.stop(), secure.stop()]);
      }
    }),
);
