/**
 * The run as a whole leaves nothing behind: mounts, cgroups, namespaces, processes, directories.
 *
 * @module
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command } from "./command.mjs";

/** @returns {Promise<() => Promise<{ name: string, failed: boolean, output: string, ms: number }>>} */
export async function watchLeftovers({ root }) {
  const directory = mkdtempSync(join(tmpdir(), "leftovers-"));
  const program = join(root, "tests/fixtures/leftovers_program.ts");
  const run = (verb) =>
    command("bun", [program, verb, join(directory, "before.json")], {
      timeoutMs: 60_000,
      cwd: root,
    });
  await run("save");
  return async () => {
    const { code, output, ms } = await run("compare");
    rmSync(directory, { recursive: true, force: true });
    return { name: "all tests together leave nothing behind", failed: code !== 0, output, ms };
  };
}
