/**
 * What can be said about the sources without running them; each is counted as a test.
 *
 * @module
 */

import { command } from "./command.mjs";

/**
 * @param {{ root: string, sources: readonly string[] }} options
 * @returns {AsyncGenerator<{ name: string, failed: boolean, output: string, ms: number }>}
 */
export async function* staticChecks({ root, sources }) {
  const env = { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
  const checks = [
    ["deno fmt --check", ["fmt", "--check", "--quiet"]],
    ["deno lint", ["lint", "--quiet"]],
    ["deno check, every module", ["check", "--quiet", ...sources]],
  ];
  for (const [name, args] of checks) {
    const { code, output, ms } = await command("deno", args, {
      timeoutMs: 300_000,
      env,
      cwd: root,
    });
    yield { name, failed: code !== 0, output, ms };
  }
}
