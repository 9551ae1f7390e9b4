import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { type Exchange, withHttpRegistry } from "../../tests/fixtures/http_registry.ts";
import { Registry } from "./mod.ts";

const BYTES = Uint8Array.from({ length: 100 }, (_, i) => i);
const BLOB = {
  digest: `sha256:${createHash("sha256").update(BYTES).digest("hex")}`,
  size: BYTES.length,
};

async function* from(start: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at < BYTES.length; at += 7) yield BYTES.subarray(at, at + 7);
}

test("pushBlob() sends what the registry does not have yet when an upload breaks off", () => {
  let stored = Buffer.alloc(0);
  let broken = 0;
  return withHttpRegistry(({ method, path, headers, body, reply }) => {
    const Location = "/v2/app/blobs/uploads/1?state=x";
    const Range = `0-${stored.length - 1}`;
    if (method === "HEAD") return reply(404);
    if (method === "POST") return reply(202, { Location });
    if (method === "GET") return reply(204, { Location, Range });
    if (method === "PATCH" && headers["content-range"] === "60-89" && broken++ === 0) {
      stored = Buffer.concat([stored, body.subarray(0, 15)]); // half of the piece
      return reply(502);
    }
    if (method === "PATCH") {
      assert.match(headers["content-range"]!, new RegExp(`^${stored.length}-`));
      stored = Buffer.concat([stored, body]);
      return reply(202, { Location, Range: `0-${stored.length - 1}` });
    }
    assert.equal(path, `${Location}&digest=${BLOB.digest.replace(":", "%3A")}`);
    reply(201);
  }, async ({ host, log }) => {
    const registry = new Registry({ repository: `${host}/app`, retryMs: 1 });
    const sent: number[] = [];
    const onBytes = (current: number) => void sent.push(current);
    assert.equal(await registry.pushBlob(BLOB, from, { chunkBytes: 30, onBytes }), "pushed");
    assert.deepEqual(new Uint8Array(stored), BYTES);
    assert.equal(log.filter((line) => line.startsWith("POST")).length, 1);
    assert.equal(sent.at(-1), 100);
  });
});

test("pushBlob() begins anew when the registry has lost the upload", () => {
  let uploads = 0;
  return withHttpRegistry(({ method, path, body, reply }) => {
    if (method === "HEAD" || method === "GET") return reply(404);
    if (method === "POST") return reply(202, { Location: `/v2/app/blobs/uploads/${++uploads}` });
    if (path.startsWith("/v2/app/blobs/uploads/1")) return reply(500);
    assert.deepEqual(new Uint8Array(body), BYTES);
    reply(201);
  }, async ({ host }) => {
    const registry = new Registry({ repository: `${host}/app`, retryMs: 1 });
    assert.equal(await registry.pushBlob(BLOB, from), "pushed");
    assert.equal(uploads, 2);
  });
});

test("pushBlob() sends no credentials to another server that the upload goes on at", () =>
  withHttpRegistry(({ reply }) => reply(201), async (other) => {
    await withHttpRegistry(({ method, headers, reply }) => {
      if (headers.authorization === undefined) {
        return reply(401, { "WWW-Authenticate": 'Basic realm="x"' });
      }
      if (method === "HEAD") return reply(404);
      reply(202, { Location: `http://${other.host}/put` });
    }, async ({ host, authorizations }) => {
      const credentials = { [host]: { username: "ada", password: "secret" } };
      const registry = new Registry({ repository: `${host}/app`, credentials });
      assert.equal(await registry.pushBlob(BLOB, from), "pushed");
      assert.ok(authorizations.includes(`Basic ${btoa("ada:secret")}`));
      assert.deepEqual(other.authorizations, [undefined]);
    });
  }));

test("pushBlob() asks the token service for both repositories when it mounts", () => {
  const server = ({ method, path, headers, reply }: Exchange) => {
    if (path.startsWith("/token")) {
      const scopes = new URL(path, "http://x").searchParams.getAll("scope");
      return reply(
        200,
        {},
        JSON.stringify({ token: Buffer.from(scopes.join(" ")).toString("hex") }),
      );
    }
    const [, token] = (headers.authorization ?? "").split(" ");
    if (token === undefined) {
      const realm = `http://${headers.host}/token`;
      return reply(401, { "WWW-Authenticate": `Bearer realm="${realm}",service="s"` });
    }
    if (method === "HEAD") return reply(404);
    assert.equal(
      Buffer.from(token, "hex").toString(),
      "repository:app:pull,push repository:base/os:pull",
    );
    assert.equal(path, `/v2/app/blobs/uploads/?mount=${BLOB.digest}&from=base%2Fos`);
    reply(201);
  };
  return withHttpRegistry(server, async ({ host }) => {
    const registry = new Registry({ repository: `${host}/app` });
    assert.equal(await registry.pushBlob(BLOB, from, { mountFrom: "base/os" }), "mounted");
  });
});

test("pushBlob() gives up on a registry that takes a stream and never answers", () => {
  const large = new Uint8Array(2 << 20);
  const digest = `sha256:${createHash("sha256").update(large).digest("hex")}`;
  return withHttpRegistry(({ method, reply }) => {
    if (method === "HEAD" || method === "GET") return reply(404);
    if (method === "POST") return reply(202, { Location: "/v2/app/blobs/uploads/1" });
  }, async ({ host }) => {
    const registry = new Registry({ repository: `${host}/app`, retryMs: 1, timeoutMs: 200 });
    const source = async function* (): AsyncGenerator<Uint8Array> {
      yield large;
    };
    await assert.rejects(registry.pushBlob({ digest, size: large.length }, source), {
      code: "deadline_exceeded",
    });
  });
});
