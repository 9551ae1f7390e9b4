/**
 * What does not depend on the hour: how much a run loads, and how large the package is.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { output, withCli } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";
import { ROOT } from "../fixtures/source_scan.ts";

const KIB = 1024;

test(
  "a run on Bun loads one program and no other file of ours",
  needs("root", "overlayfs", "cmd:strace"),
  () =>
    withCli("budget", async (cli) => {
      await output(["bun", "build.mjs"], { cwd: ROOT });
      const main = join(ROOT, "dist/cli/main.js");
      const [, ...args] = cli.argv("run", "--rm", "host", "true");
      await output(["bun", main, ...args]);
      const trace = join(cli.root, "trace");
      await output(["strace", "-f", "-e", "trace=openat", "-o", trace, "bun", main, ...args]);
      const opened = readFileSync(trace, "utf8").matchAll(/"([^"]+\.(?:ts|js|jsc|mjs))"/g);
      const files = new Set([...opened].map(([, path]) => path));
      assert.deepEqual([...files].sort(), [main, `${main}.jsc`]);
      assert.ok(statSync(main).size < 208 * KIB, `${statSync(main).size} bytes`);
    }),
);

test("the package is small", needs("cmd:npm"), async () => {
  const json = await output(["npm", "pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: ROOT,
  });
  const [{ size, files }] = JSON.parse(json);
  assert.ok(size < 5600 * KIB, `${size} bytes`);
  const paths = files.map(({ path }: { path: string }) => path);
  assert.deepEqual(paths.filter((path: string) => /_test\.ts$|^tests\//.test(path)), []);
});
