/**
 * `ctr manifest inspect`. What it is compared with is what Docker 28.2 printed for the same images.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { withCli } from "../fixtures/cli.ts";
import { startDockerRegistry } from "../fixtures/docker_registry.ts";
import { FakeRegistry } from "../fixtures/fake_remote.ts";
import { needs } from "../fixtures/needs.ts";

/** Docker's indentation of an index, with digests left out. */
const INDEX = `{
   "schemaVersion": 2,
   "mediaType": "application/vnd.oci.image.index.v1+json",
   "manifests": [
      {
         "mediaType": "application/vnd.oci.image.manifest.v1+json",
         "size": 400,
         "digest": "ONE",
         "platform": {
            "architecture": "amd64",
            "os": "linux"
         }
      },
      {
         "mediaType": "application/vnd.oci.image.manifest.v1+json",
         "size": 400,
         "digest": "OTHER",
         "platform": {
            "architecture": "arm64",
            "os": "linux",
            "variant": "v8"
         }
      }
   ]
}
`;

test(
  "manifest inspect prints what Docker's does, of images and indexes",
  needs("root", "cmd:docker-registry", "cmd:skopeo"),
  () =>
    withCli("manifest-inspect", async (cli) => {
      const registry = await startDockerRegistry();
      try {
        const source = new FakeRegistry();
        const one = source.image([[{ path: "a" }]]);
        const other = source.image([[{ path: "c" }]], { architecture: "arm64" });
        await registry.push(source, one, "one:1");
        const index = source.index({ "linux/amd64": one, "linux/arm64/v8": other });
        await registry.push(source, index, "multi:1");
        const text = (digest: string) => new TextDecoder().decode(source.blobs.get(digest));
        const inspect = (...args: string[]) =>
          cli.ok(["manifest", "inspect", ...args.slice(1), `${registry.host}/${args[0]}`]);

        const brief = `${JSON.stringify(JSON.parse(text(one.digest)), null, "\t")}\n`;
        assert.equal(await inspect("one:1"), brief);
        assert.equal(await inspect(`multi@${one.digest}`, "--insecure"), brief);
        assert.equal(
          await inspect("multi:1"),
          INDEX.replace("ONE", one.digest).replace("OTHER", other.digest),
        );
        const entry = (ref: string, digest: string, platform: object) => ({
          Ref: `${registry.host}/${ref}`,
          Descriptor: {
            mediaType: "application/vnd.oci.image.manifest.v1+json",
            digest,
            size: text(digest).length,
            platform,
          },
          Raw: btoa(text(digest)),
          OCIManifest: JSON.parse(text(digest)),
        });
        const amd64 = { architecture: "amd64", os: "linux" };
        const arm64 = { architecture: "arm64", os: "linux", variant: "v8" };
        const tabbed = (value: unknown) => `${JSON.stringify(value, null, "\t")}\n`;
        assert.equal(await inspect("one:1", "-v"), tabbed(entry("one:1", one.digest, amd64)));
        assert.equal(
          await inspect("multi:1", "--verbose"),
          tabbed([
            entry(`multi:1@${one.digest}`, one.digest, amd64),
            entry(`multi:1@${other.digest}`, other.digest, arm64),
          ]),
        );

        const none = await cli.run(["manifest", "inspect", `${registry.host}/one:none`]);
        assert.deepEqual(
          [none.code, none.stderr],
          [1, `no such manifest: ${registry.host}/one:none\n`],
        );
        const missing = await cli.run(["manifest", "create", "x"]);
        assert.match(missing.stderr, /manifest create.*not supported yet/);
      } finally {
        await registry.stop();
      }
    }),
);
