/**
 * Runs one test file on one runtime, in a process of its own: a crash, a hang or an early exit costs
 * that file only, and is seen.
 *
 * @module
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command } from "./command.mjs";
import { parseJunit } from "./junit.mjs";

/** Both runtimes have a limit per test; this one is for the whole file. */
const FILE_TIMEOUT_MS = 8 * 60_000;
const TEST_TIMEOUT_MS = 3 * 60_000;

export const RUNTIMES = ["bun", "deno"];

/**
 * @param {"bun" | "deno"} runtime
 * @param {string} file path below the repository's root
 * @param {{ root: string, timeoutMs?: number }} options
 * @returns {Promise<{ runtime: string, file: string, passed: number, failures: string[],
 *   skipped: string[], reasons: string[], output: string, ms: number }>}
 */
export async function runTestFile(runtime, file, { root, timeoutMs = FILE_TIMEOUT_MS }) {
  const directory = mkdtempSync(join(tmpdir(), "ctr-run-"));
  const junit = join(directory, "junit.xml");
  const skips = join(directory, "skips");
  const args = runtime === "bun"
    ? [
      "test",
      `--timeout=${TEST_TIMEOUT_MS}`,
      "--reporter=junit",
      `--reporter-outfile=${junit}`,
      `./${file}`,
    ]
    : ["test", "-A", "--no-check", `--junit-path=${junit}`, file];
  const env = {
    CTR_TEST_SKIPS: skips,
    CTR_TEST_RUNTIME: runtime,
    DENO_NO_PROMPT: "1",
    DENO_NO_UPDATE_CHECK: "1",
    NO_COLOR: "1",
  };
  try {
    const ended = await command(runtime, args, { timeoutMs, env, cwd: root });
    const cases = parseJunit(readOr(junit, ""));
    const failures = cases.filter(({ result }) => result === "failed")
      .map(({ name, message }) => message === "" ? name : `${name}: ${message}`);
    if (ended.timedOut) failures.push(`did not end within ${Math.round(timeoutMs / 1000)} s`);
    else if (ended.signal !== null) failures.push(`${runtime} died of ${ended.signal}`);
    else if (ended.code !== 0 && failures.length === 0) {
      failures.push(`${runtime} exited with ${ended.code} outside of any test`);
    } else if (cases.length === 0) failures.push("ran no test");
    return {
      runtime,
      file,
      passed: cases.filter(({ result }) => result === "passed").length,
      failures,
      skipped: cases.filter(({ result }) => result === "skipped").map(({ name }) => name),
      reasons: [...new Set(readOr(skips, "").split("\n").filter((line) => line !== ""))],
      output: ended.output,
      ms: ended.ms,
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function readOr(path, otherwise) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}
