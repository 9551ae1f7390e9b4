import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { Registry } from "../../src/pull/mod.ts";
import { withHttpRegistry } from "../fixtures/http_registry.ts";

// containerd: a layer with a foreign URL was asked for there, and when that server wanted to know who
// was asking, it was given the registry's credentials.

const BYTES = new TextEncoder().encode("a layer from elsewhere");
const LAYER = {
  mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
  digest: `sha256:${createHash("sha256").update(BYTES).digest("hex")}`,
  size: BYTES.length,
};

for (const scheme of ["Basic", "Bearer"] as const) {
  test(`CVE-2020-15157: a foreign layer's server gets no credentials by ${scheme}`, () =>
    withHttpRegistry(({ path, headers, reply }) => {
      if (path.startsWith("/token")) return reply(200, {}, JSON.stringify({ token: "theirs" }));
      if (path === "/open") return reply(200, {}, BYTES);
      const realm = scheme === "Basic" ? "x" : `http://${headers.host}/token`;
      reply(401, { "WWW-Authenticate": `${scheme} realm="${realm}"` });
    }, async (attacker) => {
      await withHttpRegistry(({ headers, reply }) => {
        if (headers.authorization !== undefined) return reply(404);
        reply(401, { "WWW-Authenticate": 'Basic realm="registry"' });
      }, async ({ host, authorizations }) => {
        const credentials = () => Promise.resolve({ username: "ada", password: "secret" });
        const registry = new Registry({ repository: `${host}/app`, credentials, retryMs: 1 });
        const read = async (...urls: string[]): Promise<string> => {
          const chunks: Uint8Array[] = [];
          for await (const chunk of registry.blob({ ...LAYER, urls })) chunks.push(chunk);
          return Buffer.concat(chunks).toString();
        };
        const closed = `http://ada:secret@${attacker.host}/closed`;
        await assert.rejects(read(closed), { code: "unauthenticated" });
        const open = `http://${attacker.host}/open`;
        assert.equal(await read("file:///etc/passwd", closed, open), "a layer from elsewhere");
        assert.ok(authorizations.includes(`Basic ${btoa("ada:secret")}`)); // the registry did
        assert.ok(attacker.authorizations.length > 2);
        for (const sent of attacker.authorizations) {
          assert.ok(sent === undefined || sent === "Bearer theirs", sent);
        }
      });
    }));
}
