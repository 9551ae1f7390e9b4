/**
 * `image verify` and `--verify`: signatures by a key, as cosign stores them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Descriptor } from "../../src/oci/mod.ts";
import { BUSYBOX, busyboxImage } from "../fixtures/busybox_image.ts";
import { type Cli, withCli } from "../fixtures/cli.ts";
import {
  envelopeOf,
  keysOf,
  payloadOf,
  signed,
  storeAsReferrer,
  storeBundle,
  storeUnderTag,
} from "../fixtures/cosign.ts";
import { type DockerRegistry, startDockerRegistry } from "../fixtures/docker_registry.ts";
import { FakeRegistry } from "../fixtures/fake_remote.ts";
import { withHttpRegistry } from "../fixtures/http_registry.ts";
import { needs } from "../fixtures/needs.ts";
import { TestSigstore } from "../fixtures/sigstore.ts";
import { tufRepository } from "../fixtures/tuf_repository.ts";

const NEEDS = needs("root", "overlayfs", "cmd:docker-registry", "cmd:skopeo", `file:${BUSYBOX}`);

interface Signing {
  readonly cli: Cli;
  readonly registry: DockerRegistry;
  readonly image: Descriptor;
  /** Of the image, without its tag, which is `1`. */
  readonly repository: string;
  /** Write a file. @returns its path */
  file(name: string, text: string): string;
  /** Verify, and expect it to fail. */
  refused(args: readonly string[], pattern: RegExp, code?: number): Promise<void>;
}

function withSigning(work: (signing: Signing) => Promise<void>): Promise<void> {
  return withCli("verify", async (cli) => {
    const registry = await startDockerRegistry();
    try {
      const source = new FakeRegistry();
      const image = busyboxImage(source, "signed");
      await registry.push(source, image, "team/app:1");
      await work({
        cli,
        registry,
        image,
        repository: `${registry.host}/team/app`,
        file(name, text) {
          const path = join(cli.root, name);
          writeFileSync(path, text);
          return path;
        },
        async refused(args, pattern, expected = 1) {
          const { code, stdout, stderr } = await cli.run(args);
          assert.deepEqual([code, stdout], [expected, ""], stderr);
          assert.match(stderr, pattern);
        },
      });
    } finally {
      await registry.stop();
    }
  });
}

test(
  "image verify takes a signature by a key, and no other",
  NEEDS,
  () =>
    withSigning(async ({ cli, image, repository, file, refused }) => {
      const name = `${repository}:1`;
      const { privateKey, publicKey } = keysOf();
      const key = file("cosign.pub", publicKey);
      const verify = ["image", "verify", "--key", key];
      await refused([...verify, name], /has no signatures/);

      const payload = payloadOf(image.digest, { optional: { by: "me" } });
      const other = payloadOf(`sha256:${"0".repeat(64)}`);
      const right = { payload, signature: signed(payload, privateKey) };
      const forAnother = { payload: other, signature: signed(other, privateKey) };
      const byAnother = { payload, signature: signed(payload, keysOf().privateKey) };
      await storeUnderTag(repository, image.digest, [forAnother, byAnother]);
      await refused([...verify, name], /it is for "sha256:0+"; it is not by this key/);

      await storeUnderTag(repository, image.digest, [forAnother, byAnother, right]);
      const digest = `${repository}@${image.digest}`;
      assert.equal(await cli.ok([...verify, name]), `${digest}: signed by key ${key}\n`);
      assert.match(await cli.ok([...verify, "-a", "by=me", digest]), /signed by key/);
      await refused([...verify, "-a", "by=you", name], /its annotation "by" is "me"/);
      const [verified] = (await cli.ok([...verify, "--format", "json", name])).split("\n");
      const { signatures } = JSON.parse(verified!);
      assert.deepEqual(
        signatures.map((each: { payload: unknown }) => each.payload),
        [JSON.parse(new TextDecoder().decode(payload))],
      );
      const env = { COSIGN_KEY: publicKey };
      const args = ["image", "verify", "--key", "env://COSIGN_KEY", name, `${repository}:2`];
      const { code, stdout } = await cli.run(args, { env });
      assert.deepEqual([code, stdout], [1, `${digest}: signed by key env://COSIGN_KEY\n`]);
    }),
);
test(
  "image verify finds signatures that refer to the image",
  NEEDS,
  () =>
    withSigning(async ({ cli, image, repository, file, refused }) => {
      const [ours, theirs] = [keysOf(), keysOf()];
      const [key, other] = [file("a.pub", ours.publicKey), file("b.pub", theirs.publicKey)];
      const verify = (path: string) => ["image", "verify", "--key", path, `${repository}:1`];
      const payload = payloadOf(image.digest);
      const signature = signed(payload, ours.privateKey);
      await storeAsReferrer(repository, image, [{ payload, signature }]);
      await cli.ok(verify(key));
      await refused(verify(other), /it is not by this key/);

      const bundle = (options: Parameters<typeof envelopeOf>[1] = {}) => {
        const { payload, payloadType, toSign } = envelopeOf(image.digest, options);
        const signatures = [{ sig: signed(toSign, theirs.privateKey) }];
        return {
          mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
          verificationMaterial: { publicKey: { hint: "" } },
          dsseEnvelope: { payload, payloadType, signatures },
        };
      };
      const provenance = "https://slsa.dev/provenance/v1";
      await storeBundle(repository, image, bundle({ predicateType: provenance }));
      await refused(verify(other), /it does not sign but states "https:\/\/slsa/);
      await storeBundle(repository, image, bundle({ annotations: { by: "me" } }));
      await cli.ok([...verify(other), "-a", "by=me"]);
      await refused([...verify(other), "-a", "by=you"], /annotation "by" is "me"/);
    }),
);

test(
  "--verify=cosign lets only signed images in",
  NEEDS,
  () =>
    withSigning(async ({ cli, registry, image, repository, file, refused }) => {
      const { privateKey, publicKey } = keysOf();
      const flags = ["--verify=cosign", "--cosign-key", file("cosign.pub", publicKey)];
      const name = `${repository}:1`;
      for (const command of ["pull", "create", "run"]) {
        const code = command === "run" ? 125 : 1;
        await refused([command, ...flags, name], /has no signatures/, code);
      }
      assert.equal(await cli.ok(["images", "-q"]), "", "nothing was pulled");
      const payload = payloadOf(image.digest);
      const signature = signed(payload, privateKey);
      await storeUnderTag(repository, image.digest, [{ payload, signature }]);
      await cli.ok(["pull", "-q", ...flags, name]);
      const script = ["cat", "/greeting"];
      assert.equal(await cli.ok(["run", "--rm", ...flags, name, ...script]), "signed\n");

      // The tag is another image's now: what is here is looked at, not what is there.
      const source = new FakeRegistry();
      await registry.push(source, busyboxImage(source, "unsigned"), "team/app:1");
      assert.equal(await cli.ok(["run", "--rm", ...flags, name, ...script]), "signed\n");
      await refused(["run", "--rm", "--pull=always", ...flags, name], /has no signatures/, 125);
      await cli.ok(["pull", "-q", name]);
      await refused(["run", "--rm", ...flags, name, ...script], /has no signatures/, 125);
      await refused(["run", "--rm", ...flags, "host", "true"], /signatures are in registries/, 125);
      await refused(["pull", ...flags, "oci:/nowhere"], /signatures are in registries/);
      await refused(["run", ...flags, "--rootfs", "/", "true"], /there is no image/, 125);
    }),
);

test(
  "image verify and --verify say what they do not take",
  NEEDS,
  () =>
    withSigning(async ({ repository, file, refused }) => {
      const name = `${repository}:1`;
      const { privateKey, publicKey } = keysOf();
      const key = file("cosign.pub", publicKey);
      const secret = file("key", privateKey.export({ type: "pkcs8", format: "pem" }) as string);
      const verify = async (args: string[], pattern: RegExp) =>
        await refused(["image", "verify", ...args, name], pattern);
      await verify([], /it takes a key, or an identity and its issuer/);
      await verify(
        ["--certificate-identity", "x"],
        /it takes a key, or an identity and its issuer/,
      );
      await verify(["--key", secret], /it is a private key/);
      await verify(["--key", file("no", "x")], /not the PEM of a public key/);
      await verify(["--key", "/nowhere"], /cannot read "\/nowhere": ENOENT/);
      await verify(["--key", "awskms:///alias/x"], /keys of awskms:\/\/ are not supported/);
      await verify(["--key", key, "--certificate-identity", "x"], /exclude each other/);
      await verify(["--key", key, "-a", "x"], /not NAME=VALUE/);
      await refused(["pull", "--verify=notation", name], /notation is not supported yet/, 125);
      await refused(["pull", "--verify=x", name], /"none" or "cosign"/, 125);
      await refused(["run", "--verify=cosign", name], /it takes a key, or an identity/, 125);
    }),
);

test(
  "image verify and --verify take the identity of who signed without a key",
  NEEDS,
  () =>
    withSigning(async ({ cli, image, repository, file, refused }) => {
      const name = `${repository}:1`;
      const sigstore = new TestSigstore();
      const me = { identity: "me@example.com", issuer: "https://issuer.test" };
      const root = file("trusted_root.json", JSON.stringify(sigstore.trustedRoot));
      const wanted = [
        `--certificate-identity=${me.identity}`,
        "--certificate-oidc-issuer-regexp=test$",
      ];
      const verify = ["image", "verify", "--trusted-root", root, ...wanted];
      await storeUnderTag(repository, image.digest, [sigstore.sign(payloadOf(image.digest), me)]);
      const told =
        `${repository}@${image.digest}: signed by me@example.com (https://issuer.test)\n`;
      assert.equal(await cli.ok([...verify, name]), told);
      await refused([...verify, "--certificate-identity=you", name], /it is by "me@example.com"/);
      const other = file("other.json", JSON.stringify(new TestSigstore().trustedRoot));
      await refused([...verify, "--trusted-root", other, name], /no signature is what is wanted/);

      await storeUnderTag(repository, image.digest, []);
      await refused([...verify, name], /has no signatures/);
      await storeBundle(repository, image, sigstore.bundle(envelopeOf(image.digest), me));
      const flags = ["--verify=cosign", ...wanted.map((flag) => flag.replace("--", "--cosign-"))];
      const run = ["run", "--rm", "-q", ...flags, name, "cat", "/greeting"];
      assert.equal(await cli.ok(run, { env: { CTR_TRUSTED_ROOT: root } }), "signed\n");

      // Without a file: as the public instance gives it, from a repository of one's own.
      for (
        const [how, expected] of [[{}, told], [{ tampered: true }, ""], [
          { expired: true },
          "",
        ]] as const
      ) {
        const { files, root } = tufRepository(sigstore.trustedRoot, how);
        await withHttpRegistry(({ path, reply }) => {
          const found = files.get(path);
          reply(found === undefined ? 404 : 200, {}, found);
        }, async ({ host }) => {
          const env = { TUF_MIRROR: `http://${host}`, TUF_ROOT_JSON: file("root.json", root) };
          const args = ["image", "verify", ...wanted, name];
          const { code, stdout, stderr } = await cli.run(args, { env });
          assert.deepEqual([code, stdout], [expected === "" ? 1 : 0, expected], stderr);
          if (expected === "") assert.match(stderr, /cannot fetch trusted root "http/);
        });
      }
    }),
);
