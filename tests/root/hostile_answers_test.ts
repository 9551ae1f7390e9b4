/**
 * What a registry may answer to hurt who pulls from it. Each ends in an error that says what is wrong,
 * and leaves nothing in the store.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import type { RegistryAccess } from "../../src/pull/mod.ts";
import {
  type Answer,
  type Expected,
  pullFails,
  withHostile,
  withRawServer,
} from "../fixtures/hostile_registry.ts";
import { withHttpRegistry } from "../fixtures/http_registry.ts";
import { needs } from "../fixtures/needs.ts";

const NEEDS = needs("root", "overlayfs");

interface Case extends Expected {
  readonly answer: Answer;
  readonly access?: RegistryAccess;
}

const isLayer: (path: string, bytes: Uint8Array) => boolean = (path, bytes) =>
  path.includes("/blobs/") && bytes[0] === 0x1f;
const manifest = (reply: (exchange: Parameters<Answer>[0]) => unknown): Answer => (exchange) =>
  exchange.path.includes("/manifests/") ? reply(exchange) ?? true : undefined;
const layer = (reply: (...args: Parameters<Answer>) => unknown): Answer => (exchange, honest) =>
  isLayer(exchange.path, honest.bytes) ? reply(exchange, honest) ?? true : undefined;
const HOUR = "4000000000";
let count = 0;

const CASES: Readonly<Record<string, Case>> = {
  "redirects in a circle": {
    answer: manifest(({ path, reply }) => reply(302, { Location: path })),
    code: "data_loss",
    message: /too many redirects/,
  },
  "redirects without an end": {
    answer: layer(({ path, reply }) =>
      reply(307, { Location: `${path.split("?")[0]}?${count++}` })
    ),
    code: "data_loss",
    message: /too many redirects/,
  },
  "a redirect to a file": {
    answer: layer(({ reply }) => reply(307, { Location: "file:///etc/passwd" })),
    code: "data_loss",
    message: /redirects to a connection without TLS/,
  },
  "a redirect to nowhere": {
    answer: manifest(({ reply }) => reply(307, { Location: "http://[" })),
    code: "data_loss",
    message: /something that is no URL/,
  },
  "a redirect that does not say where": {
    answer: manifest(({ reply }) => reply(302)),
    code: "failed_precondition",
    message: /answered 302/,
  },
  "a manifest that comes byte by byte": {
    answer: manifest(({ response }) => {
      response.writeHead(200, { "Content-Length": "100000" });
      const timer = setInterval(() => response.write("x"), 50);
      response.on("close", () => clearInterval(timer));
    }),
    access: { timeoutMs: 200 },
    code: "deadline_exceeded",
    message: /sends (next to )?nothing for 200 ms/,
  },
  "a layer that stops coming": {
    answer: layer(({ response }, { bytes }) => {
      response.writeHead(200, { "Content-Length": String(bytes.length) });
      response.write(bytes.subarray(0, 10));
    }),
    access: { timeoutMs: 200 },
    code: "deadline_exceeded",
    message: /sends (next to )?nothing for 200 ms/,
  },
  "a manifest that is not JSON": {
    answer: manifest(({ reply }) => reply(200, {}, "{")),
    code: "data_loss",
    message: /it is not JSON/,
  },
  "a page of a wireless network": {
    answer: manifest(({ reply }) =>
      reply(200, { "Content-Type": "text/html" }, "<html>Pay!</html>")
    ),
    code: "data_loss",
    message: /it is not JSON/,
  },
  "no content at all": {
    answer: manifest(({ reply }) => reply(204)),
    code: "data_loss",
    message: /it is not JSON/,
  },
  "JSON that is deeper than any stack": {
    answer: manifest(({ reply }) => reply(200, {}, `{"a":${"[".repeat(3_000_000)}`)),
    code: "data_loss",
    message: /it is not JSON/,
  },
  "a gigantic manifest": {
    answer: manifest(({ reply }) => reply(200, {}, new Uint8Array((4 << 20) + 1).fill(0x20))),
    code: "data_loss",
    message: /more than 4194304 bytes/,
  },
  "a manifest that never ends": {
    answer: manifest(({ response }) => {
      response.writeHead(200);
      const piece = new Uint8Array(1 << 16).fill(0x20);
      const write = (): void => {
        while (!response.destroyed && response.write(piece));
        if (!response.destroyed) response.once("drain", write);
      };
      write();
    }),
    code: "data_loss",
    message: /more than 4194304 bytes/,
  },
  "a manifest that is a compressed bomb": {
    answer: manifest(({ reply }) =>
      reply(200, { "Content-Encoding": "gzip" }, gzipSync(new Uint8Array(64 << 20)))
    ),
    code: "data_loss",
    message: /more than 4194304 bytes|it is not JSON/,
  },
  "a digest that is not that of the manifest": {
    answer: manifest(({ reply }) =>
      reply(200, { "Docker-Content-Digest": `sha256:${"a".repeat(64)}` }, "{}")
    ),
    code: "data_loss",
    message: /the registry says it is sha256:a+, it is sha256:/,
  },
  "a layer that is shorter than it should be": {
    answer: layer(({ reply }, { bytes }) => reply(200, {}, bytes.subarray(1))),
    code: "data_loss",
    message: /the registry has \d+ of its \d+ bytes/,
  },
  "a layer that is longer than it should be": {
    answer: layer(({ reply }, { bytes }) => reply(200, {}, Buffer.concat([bytes, bytes]))),
    code: "data_loss",
    message: /sends more than its \d+ bytes/,
  },
  "a layer with other bytes": {
    answer: layer(({ reply }, { bytes }) => {
      const other = new Uint8Array(bytes);
      other[9]! ^= 1; // the operating system of the gzip header: the content stays the same
      reply(200, {}, other);
    }),
    code: "data_loss",
    message: /its bytes have the digest sha256:/,
  },
  "a connection that always breaks": {
    answer: layer(({ drop }) => drop()),
    code: "unavailable",
    message: /cannot reach 127/,
  },
  "another part of a layer than was asked for": {
    answer: layer(({ headers, response, drop, reply }, { bytes }) => {
      if (headers.range !== undefined) {
        return reply(206, { "Content-Range": `bytes 90-99/100` }, bytes.subarray(10));
      }
      response.writeHead(200, { "Content-Length": String(bytes.length) });
      response.write(bytes.subarray(0, 10));
      setTimeout(drop, 50);
    }),
    code: "data_loss",
    message: /another part than was asked for/,
  },
  "a wait of a century": {
    answer: manifest(({ reply }) => reply(429, { "Retry-After": HOUR })),
    code: "resource_exhausted",
    message: /come back later/,
  },
  "a challenge again and again": {
    answer: manifest(({ reply }) => reply(401, { "WWW-Authenticate": 'Basic realm="x"' })),
    access: { credentials: () => Promise.resolve({ username: "ada", password: "secret" }) },
    code: "unauthenticated",
    message: /or it is private \(401\)/,
  },
  "a challenge that nobody can read": {
    answer: manifest(({ reply }) =>
      reply(401, { "WWW-Authenticate": `Bearer ${"a".repeat(12_000)}` })
    ),
    code: "unauthenticated",
    message: /or it is private \(401\)/,
  },
  "a token service that is no URL": {
    answer: manifest(({ reply }) => reply(401, { "WWW-Authenticate": 'Bearer realm="//"' })),
    code: "data_loss",
    message: /names no token service/,
  },
  "a complaint that is a novel": {
    answer: manifest(({ reply }) => {
      const errors = Array(100).fill({ code: "X", message: "lorem ".repeat(800) });
      reply(400, {}, JSON.stringify({ errors }));
    }),
    code: "failed_precondition",
    message: /answered 400: lorem/,
  },
};

for (const [what, { access, answer, code, message }] of Object.entries(CASES)) {
  test(
    `hostile registry: ${what}`,
    NEEDS,
    () => withHostile(answer, (hostile) => pullFails(hostile, { code, message }, access)),
  );
}

const RAW: Readonly<Record<string, [string, Expected]>> = {
  "a bomb of headers": [
    `HTTP/1.1 200 OK\r\n${`X-Bomb: ${"x".repeat(8000)}\r\n`.repeat(5000)}\r\n`,
    { code: "unavailable", message: /cannot reach 127/ },
  ],
  "something that is not HTTP": [
    "220 mail.example ESMTP\r\n",
    { code: "unavailable", message: /cannot reach 127/ },
  ],
  "a length below zero": [
    "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
    { code: "unavailable", message: /cannot reach 127/ },
  ],
  "a body that ends before its length": [
    "HTTP/1.1 200 OK\r\nContent-Length: 500\r\nConnection: close\r\n\r\n{}",
    { code: "unavailable", message: /cannot reach 127/ },
  ],
  "a piece of a length that no number holds": [
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\n{}",
    { code: "unavailable", message: /cannot reach 127/ },
  ],
};

for (const [what, [bytes, expected]] of Object.entries(RAW)) {
  test(`hostile registry: ${what}`, NEEDS, () =>
    withHostile(() => undefined, async (hostile) => {
      await withRawServer((socket) => void socket.end(bytes), async (host) => {
        await pullFails({ ...hostile, host }, expected);
      });
    }));
}

test(
  "hostile registry: credentials do not follow a redirect, nor a token its host",
  NEEDS,
  async () => {
    await withHttpRegistry(({ reply }) => reply(404), async (other) => {
      const answer: Answer = ({ path, headers, reply }) => {
        if (headers.authorization === undefined) {
          return reply(401, { "WWW-Authenticate": 'Basic realm="x"' }) ?? true;
        }
        if (path.includes("/blobs/")) {
          return reply(307, { Location: `http://${other.host}${path}` }) ?? true;
        }
      };
      await withHostile(answer, async (hostile) => {
        const credentials = () => Promise.resolve({ username: "ada", password: "secret" });
        await pullFails(hostile, { code: "not_found", message: /404/ }, { credentials });
        assert.ok(other.log.length > 0);
        assert.deepEqual(new Set(other.authorizations), new Set([undefined]));
      });
    });
  },
);
