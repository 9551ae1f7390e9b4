/**
 * `ctr search`, and registries behind a proxy.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { withCli } from "../fixtures/cli.ts";
import { withHttpRegistry } from "../fixtures/http_registry.ts";
import { needs } from "../fixtures/needs.ts";

const NEEDS = needs("root");

test("search lists what a registry finds, as Docker does", NEEDS, () => {
  const results = [
    {
      name: "nginx",
      description: `Official\n${"x".repeat(60)}`,
      star_count: 20,
      is_official: true,
    },
    { name: "team/nginx", description: "\x1b[31mred", star_count: 3, is_official: false },
  ];
  return withHttpRegistry(
    ({ reply }) => reply(200, {}, JSON.stringify({ results })),
    ({ host, log }) =>
      withCli("search", async (cli) => {
        const lines = (await cli.ok(["search", `${host}/nginx`, "--limit", "7"])).split("\n");
        assert.deepEqual(log, ["GET /v1/search?q=nginx&n=7"]);
        assert.match(lines[0]!, /^NAME +DESCRIPTION +STARS +OFFICIAL$/);
        assert.match(lines[1]!, /^nginx +Official x{35}… +20 +\[OK\]$/);
        assert.match(lines[2]!, /^team\/nginx +\\x1b\[31mred +3 *$/);
        const some = ["search", "-f", "stars=10", "--format", "{{.Name}}", `${host}/nginx`];
        assert.equal(await cli.ok(some), "nginx\n");
        const many = await cli.run(["search", "--limit", "101", "x"]);
        assert.deepEqual([many.code, /\[1, 100\]/.test(many.stderr)], [1, true]);
      }),
  );
});

test(
  "registries are reached through a proxy, but not those that it is not for",
  NEEDS,
  () =>
    withHttpRegistry(({ reply }) => reply(404), (proxy) =>
      withCli("proxy", async (cli) => {
        const hosts = join(cli.root, "hosts/registry.invalid");
        mkdirSync(hosts, { recursive: true });
        writeFileSync(join(hosts, "hosts.toml"), 'server = "http://registry.invalid"');
        const through = `http://${proxy.host}`;
        const env = { CTR_HOSTS_DIR: join(hosts, ".."), HTTP_PROXY: through, http_proxy: through };
        const pull = async (NO_PROXY: string) => {
          const args = ["pull", "registry.invalid/app"];
          return (await cli.run(args, { env: { ...env, NO_PROXY, no_proxy: NO_PROXY } })).stderr;
        };
        assert.match(await pull(""), /there is no such image \(404\)/);
        assert.equal(proxy.log.length, 1);
        assert.match(proxy.log[0]!, /^GET http:\/\/registry\.invalid\/v2\/app\/manifests\/latest/);
        assert.match(await pull("registry.invalid"), /cannot reach registry\.invalid/);
        assert.equal(proxy.log.length, 1);
      })),
);
