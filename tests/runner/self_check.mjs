/**
 * Proves on each runtime that the runner sees what must not go unseen: test files that are meant to
 * fail, each in its own way.
 *
 * @module
 */

import { runTestFile, RUNTIMES } from "./test_file.mjs";

const MUST_FAIL = {
  "assertion_fails.ts": { failures: /must be seen/, passed: 1 },
  "throws_at_load.ts": { failures: /outside of any test/, passed: 0 },
  "exits_early.ts": { failures: /Cancelled|ran no test|outside of any test|leaves/ },
  "never_ends.ts": { failures: /did not end within/, timeoutMs: 4000 },
  "is_empty.ts": { failures: /ran no test|outside of any test/ },
};

/** @returns {AsyncGenerator<{ name: string, failed: boolean, output: string, ms: number }>} */
export async function* selfCheck({ root }) {
  for (const runtime of RUNTIMES) {
    for (const [file, expected] of Object.entries(MUST_FAIL)) {
      const path = `tests/fixtures/runner/${file}`;
      const options = expected.timeoutMs === undefined ? {} : { timeoutMs: expected.timeoutMs };
      const seen = await runTestFile(runtime, path, { root, ...options });
      const right = seen.failures.some((text) => expected.failures.test(text)) &&
        (expected.passed ?? seen.passed) === seen.passed;
      yield {
        name: `the runner sees on ${runtime} that ${file} fails`,
        failed: !right,
        output: `${JSON.stringify(seen.failures)}\n${seen.output}`,
        ms: seen.ms,
      };
    }
    const seen = await runTestFile(runtime, "tests/fixtures/runner/skips.ts", { root });
    const right = seen.failures.length === 0 && seen.passed === 1 && seen.skipped.length === 1 &&
      seen.reasons.length === 1;
    yield {
      name: `the runner sees on ${runtime} that a test is skipped, and why`,
      failed: !right,
      output: JSON.stringify(seen),
      ms: seen.ms,
    };
  }
}
