import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { Registry } from "./mod.ts";

const LARGE = new Uint8Array(24 << 20).fill(7);
const BLOB = {
  digest: `sha256:${createHash("sha256").update(LARGE).digest("hex")}`,
  size: LARGE.length,
};

async function* source(start: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at < LARGE.length; at += 65_536) yield LARGE.subarray(at, at + 65_536);
}

for (const how of ["fetch", "a connection of our own"]) {
  test(`pushBlob() by ${how} is refused before all is sent, and comes back with a new token`, async () => {
    let tokens = 0;
    let good = "Bearer t1";
    let received = 0;
    const server = createServer((request, response) => {
      const realm = `Bearer realm="http://${request.headers.host}/token"`;
      if (request.url!.startsWith("/token")) {
        return void response.end(JSON.stringify({ token: `t${++tokens}`, expires_in: 3600 }));
      }
      const { method } = request;
      // The first token ends when the upload begins; nobody reads the rest of what is sent.
      if (method === "PATCH") good = "Bearer t2";
      if (request.headers.authorization !== good) {
        response.writeHead(401, { "WWW-Authenticate": realm, Connection: "close" });
        return void response.end();
      }
      request.on("data", (chunk: Uint8Array) => {
        if (method === "PATCH") received += chunk.length;
      });
      request.on("end", () => {
        if (method === "HEAD") return void response.writeHead(404).end();
        const status = method === "PUT" ? 201 : 202;
        const headers = { Location: "/v2/app/blobs/uploads/1", Range: `0-${received - 1}` };
        response.writeHead(status, received === 0 ? { Location: headers.Location } : headers);
        response.end();
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const { port } = server.address() as { port: number };
      const registry = new Registry({
        repository: `127.0.0.1:${port}/app`,
        retryMs: 1,
        // A proxy that nothing goes through.
        ...how === "fetch" ? {} : { proxy: { http: "x.invalid", https: "", no: "*" } },
      });
      assert.equal(await registry.pushBlob(BLOB, source), "pushed");
      assert.equal(received, LARGE.length);
      assert.equal(tokens, 2);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
}
