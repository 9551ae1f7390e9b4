/**
 * What a person sees of a pull.
 *
 * @module
 */

import assert from "node:assert/strict";
import { randomFillSync } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import { RUNTIME, until, withCli } from "../fixtures/cli.ts";
import { FakeRegistry } from "../fixtures/fake_remote.ts";
import { withHttpRegistry } from "../fixtures/http_registry.ts";
import { needs } from "../fixtures/needs.ts";
import { Terminal } from "../fixtures/tmux.ts";

const LAYERS = ["one", "two"].map((path) => [
  { path, data: randomFillSync(new Uint8Array(200_000)) },
]);

/** Work with a registry that gives half of each layer, and the rest when it is told to. */
async function withHalves(
  work: (name: string, ids: readonly string[], go: () => void) => Promise<void>,
): Promise<void> {
  const source = new FakeRegistry();
  const manifest = source.image(LAYERS);
  const { layers } = JSON.parse(new TextDecoder().decode(source.blobs.get(manifest.digest)));
  const digests = layers.map(({ digest }: { digest: string }) => digest);
  const rest = Promise.withResolvers<void>();
  await withHttpRegistry(async ({ path, reply, response }) => {
    const reference = path.slice(path.lastIndexOf("/") + 1);
    const digest = reference === "1" ? manifest.digest : reference;
    const bytes = source.blobs.get(digest);
    if (bytes === undefined) return reply(path === "/v2/" ? 200 : 404);
    const type = digest === manifest.digest ? manifest.mediaType : "application/octet-stream";
    const headers = { "Content-Type": type, "Content-Length": String(bytes.length) };
    if (!digests.includes(digest)) return reply(200, headers, bytes);
    response.writeHead(200, headers);
    response.write(bytes.subarray(0, bytes.length / 2));
    await rest.promise;
    response.end(bytes.subarray(bytes.length / 2));
    await once(response, "close");
  }, async ({ host }) => {
    const ids = digests.map((digest: string) => digest.slice("sha256:".length).slice(0, 12));
    try {
      await work(`${host}/app:1`, ids, rest.resolve);
    } finally {
      rest.resolve();
    }
  });
}

test(
  "pull draws a line per layer in terminals of any width",
  needs("root", "overlayfs", "cmd:tmux"),
  () =>
    withHalves((name, ids, go) =>
      withCli("pull-progress", async (cli) => {
        const terminal = new Terminal(cli.root);
        try {
          const seen = (what: string, ...patterns: readonly RegExp[]) =>
            until(what, () => {
              const lines = terminal.screen.split("\n");
              return patterns.every((pattern) =>
                lines.filter((line) => pattern.test(line)).length === 1
              );
            });
          const layers = (text: string) => ids.map((id) => new RegExp(`^${id}: ${text}$`));
          terminal.resize(40, 20);
          terminal.line(
            `clear; CTR_RUNTIME=${RUNTIME} ${cli.argv().join(" ")} pull ${name}; echo code $?`,
          );
          const half = "100kB/200kB";
          await seen(
            "no bar in 40 columns",
            ...layers(`Downloading ${half}`),
            /^Total: 200kB\/400kB/,
          );
          terminal.resize(100, 20);
          await seen(
            "bars",
            ...layers(`Downloading \\[=+> +\\] {2}${half} {2}[\\d.]+[kM]?B/s`),
            /^Total: /,
          );
          terminal.resize(50, 20);
          await seen("bars again", ...layers(`Downloading ${half}`), /^Total: /);
          go();
          await seen("the end", ...layers("Pull complete"), /^Digest: sha256:/, /^code 0$/);
        } finally {
          terminal.close();
        }
      })
    ),
);

test(
  "pull writes plain lines into a pipe, and only the name with --quiet",
  needs("root", "overlayfs"),
  () =>
    withHalves((name, ids, go) =>
      withCli("pull-progress", async (cli) => {
        go();
        const lines = (await cli.ok(["pull", name])).split("\n");
        assert.equal(lines[0], `Pulling ${name}`);
        for (const id of ids) {
          const words = lines.filter((line) => line.startsWith(`${id}: `));
          const states = ["Downloading", "Extracting", "Pull complete"];
          assert.deepEqual(words, states.map((state) => `${id}: ${state}`));
        }
        assert.equal(await cli.ok(["pull", "-q", name]), `${name}\n`);
      })
    ),
);
