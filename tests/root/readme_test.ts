/**
 * README's first command, in a clean copy of the repository, with each runtime.
 *
 * @module
 */

import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { output, RUNTIME, start } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";
import { repositoryFiles, ROOT } from "../fixtures/source_scan.ts";

/** The commands of README's shell blocks, line by line. */
function firstCommands(): string[] {
  const blocks = readFileSync(join(ROOT, "README.md"), "utf8")
    .matchAll(/```(?:sh|bash|shell|console)\n([^]*?)```/g);
  return [...blocks].flatMap(([, text]) => text!.split("\n"))
    .map((line) => line.replace(/^\$ /, "").replace(/ #.*/, "").trim())
    .filter((line) => line !== "");
}

/** The files of the repository, without what is installed or built. */
function cleanCopy(): string {
  const copy = mkdtempSync(join(tmpdir(), "ctr-readme-"));
  for (const file of repositoryFiles()) cpSync(join(ROOT, file), join(copy, file));
  return copy;
}

test("README's first two commands run a container and the tests", () => {
  const [first, second] = firstCommands();
  assert.equal(first, "cli/ctr run --rm host echo hello");
  assert.equal(second, "npm test");
});

test(
  "README's first command prints hello in a clean copy",
  needs("root", "overlayfs"),
  async () => {
    const copy = cleanCopy();
    try {
      // What its first run would install from the npm registry.
      symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
      assert.equal(await output(["sh", "-c", firstCommands()[0]!], { cwd: copy }), "hello\n");
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  },
);

test(
  "without Bun and Deno the first run installs them, and says so",
  needs("root", "overlayfs", "cmd:npm"),
  async () => {
    const copy = cleanCopy();
    try {
      const bare = (process.env["PATH"] ?? "").split(":").filter((directory) =>
        !existsSync(join(directory, "bun")) && !existsSync(join(directory, "deno"))
      ).join(":");
      // npm's cache makes this quick where `npm ci` ran before.
      const { code, stdout, stderr } = await start(["sh", "-c", firstCommands()[0]!], {
        cwd: copy,
        env: { PATH: bare, CTR_RUNTIME: RUNTIME, npm_config_prefer_offline: "true" },
        timeoutMs: 170_000,
      }).ended;
      assert.equal(code, 0, stderr);
      assert.equal(stdout, "hello\n");
      assert.match(stderr, /^ctr: installing/m);
      const again = await start(["sh", "-c", firstCommands()[0]!], {
        cwd: copy,
        env: { PATH: bare, CTR_RUNTIME: RUNTIME },
      }).ended;
      assert.deepEqual([again.code, again.stdout, again.stderr], [0, "hello\n", ""]);
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  },
);

test("cli/ctr says what is wrong with CTR_RUNTIME", async () => {
  const { code, stderr } = await start([join(ROOT, "cli/ctr"), "version"], {
    env: { CTR_RUNTIME: "node" },
  }).ended;
  assert.equal(code, 125);
  assert.match(stderr, /^ctr: cannot start: CTR_RUNTIME is "node"[^\n]*\n$/);
});

test("cli/ctr works through a symbolic link and from any directory", async () => {
  const directory = mkdtempSync(join(tmpdir(), "ctr-link-"));
  try {
    symlinkSync(join(ROOT, "cli/ctr"), join(directory, "ctr"));
    symlinkSync("ctr", join(directory, "again"));
    const text = await output([join(directory, "again"), "--version"], { cwd: dirname(directory) });
    assert.match(text, /^ctr version \d/);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
