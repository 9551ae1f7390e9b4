/**
 * `docs/cli.md` is what its generator writes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { output, RUNTIME } from "./fixtures/cli.ts";
import { ROOT } from "./fixtures/source_scan.ts";

const GENERATE = {
  bun: ["bun", "docs/generate.mjs", "--print"],
  deno: ["deno", "run", "--allow-all", "--quiet", "docs/generate.mjs", "--print"],
};

test("docs/cli.md is made of the command line's tables; if not, run: npm run docs", async () => {
  const committed = readFileSync(join(ROOT, "docs/cli.md"), "utf8");
  assert.equal(await output(GENERATE[RUNTIME]), committed);
});
