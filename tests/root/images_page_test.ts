/**
 * Every command of `docs/images.md`, in its order.
 *
 * @module
 */

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BUSYBOX, busyboxLayer } from "../fixtures/busybox_image.ts";
import { start, withCli } from "../fixtures/cli.ts";
import { keysOf, payloadOf, signed, storeUnderTag } from "../fixtures/cosign.ts";
import { startDockerRegistry } from "../fixtures/docker_registry.ts";
import { needs } from "../fixtures/needs.ts";
import { ImageBuilder } from "../fixtures/oci_layout.ts";
import { tar } from "../fixtures/raw_tar.ts";
import { TestSigstore } from "../fixtures/sigstore.ts";
import { ROOT } from "../fixtures/source_scan.ts";

/** The commands of the page's shell blocks; one that ends with a backslash goes on. */
function commands(): string[] {
  const page = readFileSync(join(ROOT, "docs/images.md"), "utf8");
  return [...page.matchAll(/```sh\n([^]*?)```/g)]
    .flatMap(([, block]) => block!.replaceAll("\\\n", "").split("\n"))
    .map((line) => line.replace(/\s+/g, " ").trim()).filter((line) => line !== "");
}

/** What some of them must print. */
const PRINTED: Readonly<Record<string, RegExp>> = {
  "ctr run --rm alpine echo hello": /^hello\n$/,
  "ctr images --filter reference='alp*' --filter dangling=false": /^alpine +latest/m,
  "ctr run --rm docker-archive:alpine.tar echo hello": /^hello\n$/,
  "ctr diff box": /^A \/etc\/motd$/m,
  "ctr run --rm greeting": /^new\n$/,
  "ctr pull -a registry.example/team/app": /app$/m, // and not its signatures
  "ctr images --tree": /^└─ linux\/arm64/m,
};

test(
  "docs/images.md: every command does what the page says",
  needs("root", "overlayfs", "x86_64", `file:${BUSYBOX}`, "cmd:docker-registry", "cmd:skopeo"),
  () =>
    withCli("images-page", async (cli) => {
      const registry = await startDockerRegistry();
      try {
        const images = new ImageBuilder();
        const base = tar(...busyboxLayer());
        const image = (platform: string) => images.image([base], { platform });
        const index = images.index(
          { "linux/amd64": image("linux/amd64"), "linux/arm64": image("linux/arm64") },
          { attestation: true },
        );
        await registry.push(images, index, "library/alpine:latest");
        const sigstore = new TestSigstore();
        const { privateKey, publicKey } = keysOf();
        const who = { identity: "me@example.com", issuer: "https://issuer.example" };
        const payload = payloadOf(index.digest);
        await storeUnderTag(`${registry.host}/team/app`, index.digest, [
          { payload, signature: signed(payload, privateKey) },
          sigstore.sign(payload, who),
        ]);

        const hosts = join(cli.root, "hosts");
        for (const name of ["docker.io", "registry.example"]) {
          mkdirSync(join(hosts, name), { recursive: true });
          const text = `server = "http://${registry.host}"\n`;
          writeFileSync(join(hosts, name, "hosts.toml"), text);
        }
        const [bin, cwd] = [join(cli.root, "bin"), join(cli.root, "work")];
        for (const directory of [bin, cwd]) mkdirSync(directory);
        writeFileSync(join(bin, "ctr"), `#!/bin/sh\nexec ${cli.argv().join(" ")} "$@"\n`);
        chmodSync(join(bin, "ctr"), 0o755);
        writeFileSync(join(cwd, "cosign.pub"), publicKey);
        writeFileSync(join(cwd, "trusted_root.json"), JSON.stringify(sigstore.trustedRoot));

        const path = [join(ROOT, "node_modules/.bin"), bin, process.env["PATH"]].join(":");
        const env = { PATH: path, CTR_HOSTS_DIR: hosts, CTR_RUNTIME: cli.runtime };
        const all = commands();
        assert.ok(all.length > 30, `${all.length} commands`);
        for (const command of all) {
          const ended = await start(["sh", "-c", command], { cwd, env }).ended;
          assert.equal(ended.code, 0, `${command}: ${ended.stderr}`);
          const expected = PRINTED[command];
          if (expected !== undefined) assert.match(ended.stdout, expected, command);
        }
        for (const command of Object.keys(PRINTED)) assert.ok(all.includes(command), command);
      } finally {
        await registry.stop();
      }
    }),
);
