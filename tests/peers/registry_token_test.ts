/**
 * Bearer tokens with a real registry that checks them: who may do what, several repositories in one
 * token, identity tokens.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { catalog, checkLogin, type Credentials, Registry } from "../../src/pull/mod.ts";
import { pushBlobs, sourceOf } from "../contracts/registry.ts";
import { makeCertificates } from "../fixtures/certificates.ts";
import { startDockerRegistry } from "../fixtures/docker_registry.ts";
import { needs } from "../fixtures/needs.ts";
import { digestOf } from "../fixtures/oci_layout.ts";
import { type TokenService, withTokenService } from "../fixtures/token_service.ts";

const NEEDS = needs("cmd:docker-registry", "cmd:openssl");
const ADA: Credentials = { username: "ada", password: "secret" };
const PERMISSIONS = {
  "": { "public/.*": ["pull"] },
  "ada": {
    "public/.*": ["pull"],
    "team/.*": ["pull", "push", "delete"],
    "base": ["pull", "push"],
    "catalog": ["*"],
  },
  "bob": { "team/.*": ["pull"], "public/.*": ["pull", "push"] },
};

async function withRegistry(
  work: (host: string, service: TokenService) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "ctr-token-"));
  try {
    await makeCertificates(directory);
    const file = (name: string) => readFileSync(join(directory, name), "utf8");
    const keys = { certificate: file("server.crt"), key: file("server.key") };
    const users = { ada: "secret", bob: "hunter2" };
    await withTokenService({ ...keys, permissions: PERMISSIONS, users }, async (service) => {
      const rootcertbundle = join(directory, "ca.crt");
      const docker = await startDockerRegistry({
        delete: true,
        token: { ...service.token, rootcertbundle },
      });
      try {
        await work(docker.host, service);
      } finally {
        await docker.stop();
      }
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test(
  "a registry with a token service lets each do what they may",
  NEEDS,
  () =>
    withRegistry(async (host, service) => {
      const as = (credentials: Credentials | undefined, path: string, operation = "push") =>
        new Registry({
          repository: `${host}/${path}`,
          operation,
          retryMs: 1,
          ...credentials === undefined ? {} : { credentials: { [host]: credentials } },
        });
      const bob = { username: "bob", password: "hunter2" };
      await as(bob, "public/app").pushManifest(
        "1",
        await pushBlobs(as(bob, "public/app"), "public"),
      );
      assert.ok(await as(undefined, "public/app", "pull").resolve("1"));

      const team = as(ADA, "team/app");
      const image = await pushBlobs(team, "team");
      await team.pushManifest("1", image);
      assert.ok(await as(bob, "team/app", "pull").resolve("1"));
      const denied = { code: "unauthenticated" };
      await assert.rejects(as(undefined, "team/app", "pull").manifest("1"), denied);
      await assert.rejects(as(bob, "team/app").pushManifest("2", image), denied);
      await assert.rejects(as({ ...bob, password: "guess" }, "team/app").manifest("1"), denied);

      // One token for the repository and the one that is mounted from.
      const bytes = new TextEncoder().encode("in the base");
      const blob = { digest: digestOf(bytes), size: bytes.length };
      await as(ADA, "base").pushBlob(blob, sourceOf(bytes));
      const mounted = await team.pushBlob(blob, sourceOf(bytes), { mountFrom: "base" });
      assert.equal(mounted, "mounted");
      assert.ok(service.log.includes("GET ada repository:base:pull repository:team/app:pull,push"));

      const names: string[] = [];
      for await (const name of catalog(host, { credentials: { [host]: ADA } })) names.push(name);
      assert.deepEqual(names, ["base", "public/app", "team/app"]);
      assert.equal(await team.deleteManifest(image.descriptor.digest), true);
      assert.ok(service.log.includes("GET ada repository:team/app:delete"));
      // What is good for a while is not asked for again.
      assert.equal(new Set(service.log).size, service.log.length, service.log.join("\n"));
    }),
);

test(
  "a log-in gives an identity token, which is exchanged for others",
  NEEDS,
  () =>
    withRegistry(async (host, service) => {
      const identity = await checkLogin(host, ADA);
      assert.equal(identity.identityToken, "identity of ada");
      await assert.rejects(checkLogin(host, { ...ADA, password: "guess" }), {
        code: "unauthenticated",
      });
      const credentials = { [host]: { ...identity, username: "", password: "" } };
      const registry = new Registry({ repository: `${host}/team/app`, credentials, retryMs: 1 });
      await registry.pushManifest("1", await pushBlobs(registry, "identity"));
      assert.ok(await registry.resolve("1"));
      assert.match(service.log.join("\n"), /^POST ada (.* )?repository:team\/app:pull,push$/m);
      const stale = { ...identity, identityToken: "identity of nobody at all" };
      const other = new Registry({
        repository: `${host}/team/app`,
        credentials: { [host]: stale },
        retryMs: 1,
      });
      await assert.rejects(other.manifest("1"), { code: "unauthenticated" });
    }),
);
