import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { type Exchange, withHttpRegistry } from "../../tests/fixtures/http_registry.ts";
import { Registry, RegistryError } from "./mod.ts";
import { mayPass, pauseMs } from "./retry.ts";

const BYTES = Uint8Array.from({ length: 3000 }, (_, at) => at * 7);
const BLOB = {
  mediaType: "application/octet-stream",
  digest: `sha256:${createHash("sha256").update(BYTES).digest("hex")}`,
  size: BYTES.length,
};

async function read(registry: Registry, signal?: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of registry.blob(BLOB, { signal })) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

async function* source(start: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at < BYTES.length; at += 100) yield BYTES.subarray(at, at + 100);
}

/** Answer with some bytes, and lose the connection when they have arrived. */
function half({ response, drop }: Exchange, from: number, headers: Record<string, string>): void {
  response.writeHead(from === 0 ? 200 : 206, {
    "Content-Length": String(BYTES.length - from),
    ...headers,
  });
  response.write(BYTES.subarray(from, from + 1000));
  setTimeout(drop, 50);
}

test("a download goes on where a server ignores ranges, refuses them, or has another ETag by now", async () => {
  /** What servers answer to who comes back. */
  const servers: Record<string, (exchange: Exchange) => void> = {
    "ignores": ({ reply }) => reply(200, {}, BYTES),
    "refuses": ({ reply }) => reply(416),
    "changes": ({ headers, reply }) => {
      assert.equal(headers["if-range"], '"one"');
      reply(200, { ETag: '"two"' }, BYTES);
    },
    "gives more than asked": ({ reply }) =>
      reply(206, { "Content-Range": `bytes 0-2999/3000` }, BYTES),
  };
  for (const [what, again] of Object.entries(servers)) {
    let ranges = 0;
    await withHttpRegistry((exchange) => {
      if (exchange.headers.range !== undefined) return void (ranges++, again(exchange));
      if (ranges > 0) return exchange.reply(200, {}, BYTES);
      half(exchange, 0, { ETag: '"one"' });
    }, async ({ host }) => {
      const registry = new Registry({ repository: `${host}/app`, retryMs: 1 });
      assert.deepEqual(await read(registry), BYTES, what);
      assert.equal(ranges, 1, what);
    });
  }
});

test("what changed under its digest is not taken for the rest of it", () => {
  return withHttpRegistry((exchange) => {
    if (exchange.headers.range === undefined) return half(exchange, 0, { ETag: '"one"' });
    exchange.reply(200, { ETag: '"two"' }, Uint8Array.from(BYTES, (byte) => byte + 1));
  }, async ({ host }) => {
    const registry = new Registry({ repository: `${host}/app`, retryMs: 1 });
    await assert.rejects(read(registry), { code: "data_loss", message: /have the digest/ });
  });
});

/** A registry whose tokens are good for three requests each, and know their scopes. */
function shortLived(serve: (exchange: Exchange, scopes: string[]) => void) {
  const left = new Map<string, number>();
  const scopesOf = new Map<string, string[]>();
  return {
    tokens: scopesOf,
    answer: (exchange: Exchange): void => {
      const { path, headers, reply } = exchange;
      if (path.startsWith("/token")) {
        const token = `t${left.size}`;
        left.set(token, 3);
        scopesOf.set(token, new URL(path, "http://x").searchParams.getAll("scope"));
        return reply(200, {}, JSON.stringify({ token, expires_in: 3600 }));
      }
      const token = headers.authorization?.slice("Bearer ".length) ?? "";
      const uses = left.get(token) ?? 0;
      left.set(token, uses - 1);
      if (uses > 0) return serve(exchange, scopesOf.get(token)!);
      const realm = `http://${headers.host}/token`;
      reply(401, { "WWW-Authenticate": `Bearer realm="${realm}",service="s"` });
    },
  };
}

test("a token that ends in the middle of a long download is renewed, and the download goes on", () => {
  let count = 0;
  const registry = shortLived((exchange) => {
    const from = Number(/bytes=(\d+)-/.exec(exchange.headers.range ?? "")?.[1] ?? 0);
    if (count++ < 6) {
      exchange.response.writeHead(from === 0 ? 200 : 206, {
        "Content-Length": String(BYTES.length - from),
      });
      exchange.response.write(BYTES.subarray(from, from + 300));
      return void setTimeout(exchange.drop, 50);
    }
    exchange.reply(from === 0 ? 200 : 206, {}, BYTES.subarray(from));
  });
  return withHttpRegistry(registry.answer, async ({ host }) => {
    const client = new Registry({ repository: `${host}/app`, retryMs: 1 });
    assert.deepEqual(await read(client), BYTES);
    assert.ok(registry.tokens.size >= 2, `${registry.tokens.size} tokens`);
  });
});

test("a token that ends in the middle of a long upload is renewed, for both repositories", () => {
  let stored = Buffer.alloc(0);
  const Location = "/v2/app/blobs/uploads/1";
  const registry = shortLived(({ method, body, reply }, scopes) => {
    assert.ok(scopes.includes("repository:app:pull,push"), scopes.join());
    if (method === "HEAD") return reply(404);
    if (method === "POST") {
      assert.ok(scopes.includes("repository:base:pull"), scopes.join());
      return reply(202, { Location }); // it cannot be mounted
    }
    stored = Buffer.concat([stored, body]);
    reply(method === "PUT" ? 201 : 202, { Location, Range: `0-${stored.length - 1}` });
  });
  return withHttpRegistry(registry.answer, async ({ host }) => {
    const client = new Registry({ repository: `${host}/app`, retryMs: 1 });
    const how = { chunkBytes: 250, mountFrom: "base" };
    assert.equal(await client.pushBlob(BLOB, source, how), "pushed");
    assert.deepEqual(new Uint8Array(stored), BYTES);
    assert.ok(registry.tokens.size >= 5, `${registry.tokens.size} tokens`);
  });
});

test("a signal ends a pull and a push at every point, with its own reason", async () => {
  const enough = new Error("enough");
  const points = ["token", "HEAD", "POST", "PATCH", "GET", "body"];
  for (const point of points) {
    const stop = new AbortController();
    await withHttpRegistry((exchange) => {
      const { method, path, headers, response, reply } = exchange;
      const here = path.startsWith("/token") ? "token" : method;
      if (here === point) return void setTimeout(() => stop.abort(enough), 20); // and no answer
      if (here === "token") return reply(200, {}, JSON.stringify({ token: "t" }));
      if (headers.authorization === undefined) {
        const realm = `http://${headers.host}/token`;
        return reply(401, { "WWW-Authenticate": `Bearer realm="${realm}"` });
      }
      if (method === "HEAD") return reply(404);
      if (method !== "GET") return reply(202, { Location: "/v2/app/blobs/uploads/1" });
      response.writeHead(200, { "Content-Length": String(BYTES.length) });
      response.write(BYTES.subarray(0, 10));
      setTimeout(() => stop.abort(enough), 20);
    }, async ({ host }) => {
      const registry = new Registry({ repository: `${host}/app`, retryMs: 1, signal: stop.signal });
      const work = point === "GET" || point === "body"
        ? read(registry)
        : registry.pushBlob(BLOB, source, { chunkBytes: 1000, signal: stop.signal });
      await assert.rejects(work, (error) => error === enough, point);
    });
  }
});

test("pauseMs() grows, is not the same for all, and is at least what the registry asks", () => {
  const asks = (retryAfterMs: number) =>
    new RegistryError({
      ...{ code: "unavailable", operation: "pull", reason: "x", method: "GET", url: "x" },
      ...{ status: 503, errors: [], retryAfterMs },
    });
  for (let attempt = 1; attempt < 6; attempt++) {
    const pauses = Array.from({ length: 50 }, () => pauseMs(new TypeError("x"), attempt, 100));
    const base = 100 * 2 ** (attempt - 1);
    assert.ok(pauses.every((each) => each >= 0.75 * base && each <= 1.25 * base));
    assert.ok(new Set(pauses).size > 10);
  }
  assert.equal(pauseMs(asks(5000), 1, 100), 5000);
  assert.ok(mayPass(asks(5000)));
  assert.ok(!mayPass(asks(61_000)));
});
