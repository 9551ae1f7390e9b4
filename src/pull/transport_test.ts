import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { withHttpRegistry } from "../../tests/fixtures/http_registry.ts";
import { checkLogin, type Descriptor, Registry } from "./mod.ts";
import { parseRetryAfter } from "./registry_error.ts";

const BYTES = new TextEncoder().encode("0123456789".repeat(10));
const BLOB: Descriptor = {
  mediaType: "application/octet-stream",
  digest: `sha256:${createHash("sha256").update(BYTES).digest("hex")}`,
  size: BYTES.length,
};

async function read(registry: Registry, descriptor = BLOB): Promise<string> {
  let text = "";
  for await (const chunk of registry.blob(descriptor)) text += new TextDecoder().decode(chunk);
  return text;
}

test("blob() goes on where a body broke off", () => {
  const ranges: (string | undefined)[] = [];
  return withHttpRegistry(({ headers, response, drop, reply }) => {
    ranges.push(headers.range);
    const start = Number(/\d+/.exec(headers.range ?? "0")![0]);
    if (start >= 60) return reply(206, {}, BYTES.subarray(start));
    response.writeHead(start > 0 ? 206 : 200, { "Content-Length": BYTES.length - start });
    response.write(BYTES.subarray(start, start + 30));
    setTimeout(drop, 50); // Bun forgets what it has not handed over when the connection breaks
  }, async ({ host }) => {
    const registry = new Registry({ repository: `${host}/app`, retryMs: 1 });
    assert.equal(await read(registry), new TextDecoder().decode(BYTES));
    assert.deepEqual([...new Set(ranges)], [undefined, "bytes=30-99", "bytes=60-99"]);
  });
});

test("blob() gives up on a registry that sends nothing any more", () =>
  withHttpRegistry(({ response }) => {
    response.writeHead(200, { "Content-Length": BYTES.length });
    response.flushHeaders();
  }, async ({ host, log }) => {
    const registry = new Registry({ repository: `${host}/app`, retryMs: 1, timeoutMs: 100 });
    await assert.rejects(read(registry), { code: "deadline_exceeded" });
    assert.ok(log.length > 1); // a slow machine may give up before a request is sent
  }));

test("manifest() waits as long as Retry-After says, and comes back", () => {
  let asked = 0;
  return withHttpRegistry(
    ({ reply }) => asked++ === 0 ? reply(429, { "Retry-After": "0" }) : reply(200, {}, "{}"),
    async ({ host }) => {
      const registry = new Registry({ repository: `${host}/app`, retryMs: 1 });
      assert.equal((await registry.manifest("latest")).bytes.length, 2);
    },
  );
});

test("manifest() does not wait for an hour", () =>
  withHttpRegistry(
    ({ reply }) => reply(503, { "Retry-After": "3600" }),
    async ({ host, log }) => {
      const registry = new Registry({ repository: `${host}/app` });
      await assert.rejects(registry.manifest("latest"), { code: "unavailable", status: 503 });
      assert.equal(log.length, 1);
    },
  ));

test("manifest() ends its pause when it is no longer wanted", () =>
  withHttpRegistry(({ reply }) => reply(503), async ({ host }) => {
    const stop = new AbortController();
    const repository = `${host}/app`;
    const registry = new Registry({ repository, retryMs: 3_600_000, signal: stop.signal });
    setTimeout(() => stop.abort(new Error("enough")), 20);
    await assert.rejects(registry.manifest("latest"), /enough/);
  }));

test("manifest() follows redirects without credentials, and not in circles", () =>
  withHttpRegistry(({ reply }) => reply(200, {}, "{}"), async (other) => {
    await withHttpRegistry(({ path, headers, reply }) => {
      if (headers.authorization === undefined) {
        return reply(401, { "WWW-Authenticate": 'Basic realm="x"' });
      }
      if (path.endsWith("/circle")) return reply(302, { Location: path });
      reply(307, { Location: `http://${other.host}/elsewhere` });
    }, async ({ host }) => {
      const credentials = () => Promise.resolve({ username: "ada", password: "secret" });
      const registry = new Registry({ repository: `${host}/app`, credentials });
      await registry.manifest("latest");
      assert.deepEqual(other.authorizations, [undefined]);
      await assert.rejects(registry.manifest("circle"), /too many redirects/);
    });
  }));

test("manifest() does nothing in our name that another server sent it to do", () => {
  let registry = "";
  return withHttpRegistry(
    ({ reply }) => reply(307, { Location: `http://${registry}/v2/private/manifests/latest` }),
    (other) =>
      withHttpRegistry(({ path, headers, reply }) => {
        if (headers.authorization === undefined) {
          return reply(401, { "WWW-Authenticate": 'Basic realm="x"' });
        }
        if (path.startsWith("/v2/private/")) return reply(200, {}, "{}");
        reply(307, { Location: `http://${other.host}/` });
      }, async ({ host, log, authorizations }) => {
        registry = host;
        const credentials = { [host]: { username: "ada", password: "secret" } };
        const client = new Registry({ repository: `${host}/app`, credentials });
        await assert.rejects(client.manifest("latest"), { code: "unauthenticated" });
        const private_ = log.map((line, at) => line.includes("/private/") && authorizations[at]);
        assert.ok(private_.every((authorization) => !authorization), log.join());
        assert.equal(log.at(-1), "GET /v2/private/manifests/latest");
      }),
  );
});

test("an identity token is exchanged for an access token, which is renewed when refused", () => {
  let tokens = 0;
  const forms: string[] = [];
  return withHttpRegistry(({ method, path, headers, body, reply }) => {
    if (path === "/token") {
      assert.equal(method, "POST");
      forms.push(new TextDecoder().decode(body));
      return reply(200, {}, JSON.stringify({ access_token: `t${++tokens}`, expires_in: 300 }));
    }
    // The first token is good for one request only.
    const good = headers.authorization === `Bearer t${tokens}` &&
      (tokens > 1 || path.endsWith("one"));
    if (good) return reply(200, {}, "{}");
    const realm = `http://${headers.host}/token`;
    reply(401, { "WWW-Authenticate": `Bearer realm="${realm}",service="s"` });
  }, async ({ host }) => {
    const identity = { username: "", password: "", identityToken: "refresh me" };
    const registry = new Registry({ repository: `${host}/app`, credentials: { [host]: identity } });
    for (const tag of ["one", "two", "three"]) await registry.manifest(tag);
    assert.equal(tokens, 2);
    assert.deepEqual(Object.fromEntries(new URLSearchParams(forms[0])), {
      grant_type: "refresh_token",
      refresh_token: "refresh me",
      client_id: "ctr",
      service: "s",
      scope: "repository:app:pull",
    });
  });
});

test("parseRetryAfter() knows seconds and dates", () => {
  assert.equal(parseRetryAfter("120", 0), 120_000);
  assert.equal(parseRetryAfter("Thu, 01 Jan 1970 00:00:05 GMT", 1000), 4000);
  assert.equal(parseRetryAfter("soon", 0), undefined);
  assert.equal(parseRetryAfter(null, 0), undefined);
});

test("checkLogin() takes the identity token that a token service gives instead of a password", () =>
  withHttpRegistry(({ path, headers, reply }) => {
    if (path.startsWith("/token")) {
      assert.equal(new URL(path, "http://x").searchParams.get("offline_token"), "true");
      if (headers.authorization !== `Basic ${btoa("ada:secret")}`) return reply(401);
      return reply(200, {}, JSON.stringify({ token: "access", refresh_token: "identity" }));
    }
    if (headers.authorization === "Bearer access") return reply(200);
    reply(401, { "WWW-Authenticate": `Bearer realm="http://${headers.host}/token"` });
  }, async ({ host }) => {
    const ada = { username: "ada", password: "secret" };
    assert.deepEqual(await checkLogin(host, ada), { ...ada, identityToken: "identity" });
    await assert.rejects(checkLogin(host, { ...ada, password: "guess" }), {
      code: "unauthenticated",
      message: /incorrect username or password/,
    });
  }));
