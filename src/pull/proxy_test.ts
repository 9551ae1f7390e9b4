import assert from "node:assert/strict";
import { test } from "node:test";
import { withHttpRegistry } from "../../tests/fixtures/http_registry.ts";
import { proxySettings, Registry } from "./mod.ts";
import { proxyOf } from "./proxy.ts";

const via = (no: string) => ({ http: "plain:3128", https: "https://secure", no });
const of = (url: string, no = "") => proxyOf(new URL(url), via(no))?.href;

test("proxySettings() reads both spellings, and none of what a web server passes on (CVE-2016-5386)", () => {
  assert.equal(proxySettings({ NO_PROXY: "x", ALL_PROXY: "y" }), undefined);
  assert.deepEqual(proxySettings({ https_proxy: "a", HTTP_PROXY: "b", no_proxy: "c" }), {
    http: "b",
    https: "a",
    no: "c",
  });
  assert.equal(proxySettings({ HTTP_PROXY: "b", REQUEST_METHOD: "GET" }), undefined);
});

test("proxyOf() chooses by scheme, and never for this machine", () => {
  assert.equal(of("http://r.example/v2/"), "http://plain:3128/");
  assert.equal(of("https://r.example/v2/"), "https://secure/");
  for (const host of ["localhost:5000", "127.0.0.1", "127.9.9.9:1", "[::1]:5000"]) {
    assert.equal(of(`http://${host}/`), undefined, host);
  }
  assert.equal(proxyOf(new URL("http://x/"), undefined), undefined);
  assert.equal(proxyOf(new URL("http://x/"), { http: "", https: "p", no: "" }), undefined);
});

test("proxyOf() knows what NO_PROXY may say", () => {
  const exempt: [string, string][] = [
    ["r.example", "*"],
    ["r.example", "a, r.example"],
    ["r.example", "EXAMPLE"],
    ["r.example", ".example"],
    ["r.example", "*.example"],
    ["r.example:5000", "r.example:5000"],
    ["r.example", "r.example:80"],
    ["10.1.2.3", "10.0.0.0/8"],
    ["10.1.2.3:5000", "10.1.2.3"],
    ["[fd00::7]:5000", "fd00::/8"],
    ["[fd00::7]", "fd00::7"],
    ["[fd00::7]:5000", "[fd00::7]:5000"],
  ];
  for (const [host, no] of exempt) assert.equal(of(`http://${host}/`, no), undefined, no);
  const others: [string, string][] = [
    ["r.example", ""],
    ["r.example", ",other"],
    ["example", ".example"],
    ["rexample", "example"],
    ["r.example:5000", "r.example:80"],
    ["11.1.2.3", "10.0.0.0/8"],
    ["11.1.2.3", "10.0.0.0/99,10.0.0.0/x"],
    ["fd00.example", "fd00::/8"],
    ["110.1.2.3", "10.1.2.3"],
  ];
  for (const [host, no] of others) assert.notEqual(of(`http://${host}/`, no), undefined, no);
});

test("proxyOf() says what it cannot use, without its password", () => {
  const use = (http: string) => () => proxyOf(new URL("http://x/"), { http, https: "", no: "" });
  assert.throws(use("socks5://ada:secret@p:1080"), {
    code: "not_implemented",
    subject: "p:1080",
  });
  assert.throws(use("http://ada:secret@:x"), { code: "invalid_argument", subject: ":x" });
});

test("a registry without TLS is asked through the proxy, which alone learns its password", () =>
  withHttpRegistry(({ path, headers, reply }) => {
    assert.equal(headers["proxy-authorization"], `Basic ${btoa("ada:se cret")}`);
    if (path === "http://r.invalid/v2/app/manifests/latest") return reply(200, {}, "{}");
    reply(307, { Location: `http://r.invalid/v2/app/manifests/latest` });
  }, async ({ host, log, authorizations }) => {
    const registry = new Registry({
      repository: "r.invalid/app",
      insecure: ["r.invalid"],
      proxy: { http: `http://ada:se%20cret@${host}`, https: "", no: "" },
    });
    assert.equal((await registry.manifest("other")).bytes.length, 2);
    assert.deepEqual(log, [
      "GET http://r.invalid/v2/app/manifests/other",
      "GET http://r.invalid/v2/app/manifests/latest",
    ]);
    assert.deepEqual(authorizations, [undefined, undefined]);
  }));

test("a proxy that refuses to connect is named, not its password", () =>
  withHttpRegistry(() => {}, async ({ host }) => {
    const registry = new Registry({
      repository: "r.invalid/app",
      proxy: { http: "", https: `http://ada:secret@${host}`, no: "" },
      retryMs: 1,
    });
    await assert.rejects(registry.manifest("latest"), (error: Error) => {
      assert.match(error.message, new RegExp(`the proxy ${host} (answers \\d+|hangs up)`));
      return !error.message.includes("secret");
    });
  }));
